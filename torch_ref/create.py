"""`create_model`: a network by name. Independent of paddle_tsm, so that the two can disagree."""

from torch_ref.mobilenet_v2 import STAGES, MobileNetV2
from torch_ref.non_local_options import parse_non_local
from torch_ref.resnet import BasicBlock, Bottleneck, ResNet

# name -> (class, block, blocks of each stage): arXiv:1512.03385, table 1; arXiv:1801.04381, table 2
ARCHITECTURES = {
    "tsm_resnet10": (ResNet, BasicBlock, (1, 1, 1, 1)),
    "tsm_resnet18": (ResNet, BasicBlock, (2, 2, 2, 2)),
    "tsm_resnet34": (ResNet, BasicBlock, (3, 4, 6, 3)),
    "tsm_resnet50": (ResNet, Bottleneck, (3, 4, 6, 3)),
    "tsm_resnet101": (ResNet, Bottleneck, (3, 4, 23, 3)),
    "tsm_resnet152": (ResNet, Bottleneck, (3, 8, 36, 3)),
    "tsm_mobilenet_v2": (MobileNetV2, None, tuple(count for _, _, count, _ in STAGES)),
    "pptsm_resnet50": (ResNet, Bottleneck, (3, 4, 6, 3)),
    "pptsm_resnet101": (ResNet, Bottleneck, (3, 4, 23, 3)),
}
CHOICES = {
    "shift_place": ("blockres", "block"),
    "shift_order": ("future_first", "past_first", "causal"),
    "running_var": ("unbiased", "biased"),
}


def check(name: str, value, known) -> None:
    """Raise ValueError, listing the known values, unless `value` is one of them."""
    if value not in known:
        raise ValueError(f"{name}: got {value!r}, wanted one of {', '.join(map(repr, known))}")


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
    non_local=None,
    dropout: float = 0.5,
    partial_bn: bool = False,
    running_var: str = "unbiased",
):
    """A TSM network with freshly drawn weights, in training mode; see `paddle_tsm.create_model` for the arguments.

    Returns a module that takes [N*T, 3, H, W] and gives logits [N, num_classes].
    Raises ValueError for a name or value that is not known.
    """
    options = dict(locals())
    check("architecture", options.pop("name"), tuple(ARCHITECTURES))
    for option, known in CHOICES.items():
        check(option, options[option], known)
    if shift_div < (1 if shift_order == "causal" else 2):
        raise ValueError(f"shift_div: got {shift_div!r}, wanted at least 2 (1 with the causal shift)")
    if temporal_pool and num_segments % 2:
        raise ValueError(f"temporal_pool: got num_segments {num_segments}, wanted an even number of frames")
    network, block, blocks = ARCHITECTURES[name]
    options["non_local"] = parse_non_local(non_local, blocks)
    if shift_every is None:
        # n_round in MIT's ops/temporal_shift.py 1f6a834 and mmaction2's resnet_tsm.py 4d6c934; PaddleVideo has no such rule
        skips = shift_place == "blockres" and blocks[2] >= 23 and not name.startswith("pptsm")
        options["shift_every"] = 2 if skips else 1
    if network is MobileNetV2:
        return MobileNetV2(**options)
    return ResNet(blocks, block, tweaked=name.startswith("pptsm"), **options)
