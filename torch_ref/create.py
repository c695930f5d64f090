"""`create_model`: a network by its name."""

from typing import Any

from paddle_tsm.networks.network import Network
from torch_ref.initial_weights import draw_afresh
from torch_ref.mobilenet_v2 import MobileNetV2
from torch_ref.recognizer import Recognizer
from torch_ref.resnet import ResNet, ResNetVd

FAMILIES = {"resnet": ResNet, "resnet_vd": ResNetVd, "mobilenet_v2": MobileNetV2}


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
    """The network `name` in training mode, its weights drawn by PyTorch's generator.

    The arguments, what they mean and which values they may have are those of `paddle_tsm.networks.network.Network`, which
    both packages read. Returns a torch.nn.Module: [N*T, 3, H, W] -> logits [N, num_classes].
    Raises ValueError, listing the known values, for a name or a value that is not known.

    >>> import torch, torch_ref
    >>> tsn = torch_ref.create_model("tsm_resnet10", num_segments=4, is_shift=False)
    >>> tsn(torch.rand(4, 3, 32, 32)).shape
    torch.Size([1, 400])
    """
    network = Network(
        name, num_classes, num_segments, is_shift, shift_div, shift_place, shift_every, shift_order, temporal_pool,
        non_local, dropout, partial_bn, running_var,
    )  # fmt: skip
    return draw_afresh(FAMILIES[network.family.name](network))
