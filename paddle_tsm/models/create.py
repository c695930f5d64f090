"""`create_model`: a network by name."""

from typing import Any

from paddle_tsm.models.mobilenet_v2 import MobileNetV2
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.models.resnet import ResNet
from paddle_tsm.networks.network import Network

# family -> its networks in Paddle
MODELS = {"resnet": ResNet, "resnet_vd": ResNet, "mobilenet_v2": MobileNetV2}


def build(network: Network) -> Recognizer:
    """The `paddle.nn.Layer` that `network` describes, with freshly drawn weights."""
    return MODELS[network.family.name](network)


def create_model(
    name: str,
    num_classes: int = 400,
    num_segments: int = 8,
    is_shift: bool = True,
    shift_div: int = 8,
    shift_place: str = "blockres",
    shift_every: int | None = None,
    shift_order: str = "future_first",
    temporal_pool: bool = False,
    non_local: Any = None,
    dropout: float = 0.5,
    partial_bn: bool = False,
    running_var: str = "unbiased",
) -> Recognizer:
    """A TSM network with freshly drawn weights, in training mode.

    name: tsm_resnet10, 18, 34, 50, 101 or 152, tsm_mobilenet_v2, pptsm_resnet50 or 101.
    num_segments: T, the frames of a clip. is_shift: False is TSN. shift_div: one fold is C // shift_div channels.
    shift_place: "blockres" shifts what the residual branch reads, "block" what the whole block reads.
    shift_every: shift in every so many blocks; None is upstream's rule: 2 with "blockres" where layer3 has 23 blocks or more,
    but 1 in PP-TSM, whose upstream shifts every block.
    shift_order: "future_first" (MIT, mmaction2), "past_first" (Paddle's operator, PaddleVideo) or "causal" (online).
    temporal_pool: halve the frames before the second stage. non_local: None, a mode ("embedded_gaussian", "gaussian",
    "dot_product", "concatenation"), or a dict of mode, blocks, sub_sample, use_scale (see non_local_options.py).
    partial_bn: freeze every BatchNorm but the first. running_var: "unbiased" (PyTorch) or "biased" (Paddle).
    Returns a layer that takes [N*T, 3, H, W] and gives logits [N, num_classes].
    Raises ValueError for a name or value that is not known.

    >>> import paddle, paddle_tsm
    >>> model = paddle_tsm.create_model("tsm_resnet10", num_classes=3, num_segments=2)
    >>> list(model(paddle.zeros([4, 3, 32, 32])).shape)  # two clips of two frames
    [2, 3]
    >>> paddle_tsm.create_model("tsm_resnet50", shift_place="blocks")
    Traceback (most recent call last):
    ValueError: shift_place: got 'blocks', wanted one of 'blockres', 'block'
    """
    options = dict(locals())
    return build(Network(options.pop("name"), **options))
