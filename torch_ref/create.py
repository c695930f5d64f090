"""`create_model`: a network by its name."""

from importlib import import_module
from typing import Any

from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option import takes_options_of
from torch_ref.initial_weights import draw_afresh
from torch_ref.recognizer import Recognizer


@takes_options_of(Network)
def create_model(name: str, *args: Any, **options: Any) -> Recognizer:
    """The network `name` as a torch.nn.Module in training mode. PyTorch's generator draws its weights.

    The module takes x, float [N*T, in_channels, H, W], the frames of a clip adjacent, and returns logits
    [N, num_classes]. Raises ValueError for a name or a value that is not known; the error lists the known ones.

    >>> import torch, torch_ref
    >>> tsn = torch_ref.create_model("tsm_resnet10", num_segments=4, is_shift=False)
    >>> tsn(torch.rand(4, 3, 32, 32)).shape
    torch.Size([1, 400])
    """
    network = Network(name, *args, **options)
    home, _, kind = network.family.model.partition(".")
    return draw_afresh(vars(import_module("torch_ref." + home))[kind](network))
