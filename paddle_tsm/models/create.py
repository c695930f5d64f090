"""`create_model`: a network by name."""

from importlib import import_module
from typing import Any

from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option import takes_options_of


def build(network: Network) -> Recognizer:
    """The model of `network` in Paddle, with freshly drawn weights."""
    module, class_name = network.family.model.split(".")
    return getattr(import_module(f"paddle_tsm.models.{module}"), class_name)(network)


@takes_options_of(Network)
def create_model(name: str, *args: Any, **options: Any) -> Recognizer:
    """A TSM network in Paddle with freshly drawn weights, in training mode.

    name: tsm_resnet10, 18, 34, 50, 101 or 152, tsm_mobilenet_v2, tsm_mobileone_s0 to s4, pptsm_resnet50 or 101,
    pptsm_mobilenet_v2 or v3, pptsm_v2.
    Returns a layer that maps [N*T, in_channels, H, W], the frames of a clip adjacent, to logits [N, num_classes].
    Raises ValueError for a name or a value that is not known.

    >>> import paddle, paddle_tsm
    >>> model = paddle_tsm.create_model("tsm_resnet10", num_classes=3, num_segments=2)
    >>> list(model(paddle.zeros([4, 3, 32, 32])).shape)  # two clips of two frames
    [2, 3]
    >>> paddle_tsm.create_model("tsm_resnet50", shift_place="blocks")
    Traceback (most recent call last):
    ValueError: shift_place: got 'blocks', wanted one of 'blockres', 'block'
    """
    return build(Network(name, *args, **options))
