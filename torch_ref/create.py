"""`create_model`: a network by name. Independent of paddle_tsm, so that the two can disagree."""

from torch_ref.resnet import BasicBlock, Bottleneck, ResNet

# name -> (block, blocks of each stage): arXiv:1512.03385, table 1
ARCHITECTURES = {
    "tsm_resnet18": (BasicBlock, (2, 2, 2, 2)),
    "tsm_resnet34": (BasicBlock, (3, 4, 6, 3)),
    "tsm_resnet50": (Bottleneck, (3, 4, 6, 3)),
    "tsm_resnet101": (Bottleneck, (3, 4, 23, 3)),
    "tsm_resnet152": (Bottleneck, (3, 8, 36, 3)),
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
    dropout: float = 0.5,
    partial_bn: bool = False,
    running_var: str = "unbiased",
):
    """A TSM network with freshly drawn weights, in training mode.

    name: tsm_resnet18, 34, 50, 101 or 152.
    num_segments: T, the frames of a clip. is_shift: False is TSN. shift_div: one fold is C // shift_div channels.
    shift_place: "blockres" shifts what conv1 reads, "block" what the whole block reads.
    shift_every: shift in every so many blocks; None is upstream's rule: 2 with "blockres" where layer3 has 23 blocks or more.
    shift_order: "future_first" (MIT, mmaction2), "past_first" (Paddle's operator, PaddleVideo) or "causal" (online).
    partial_bn: freeze every BatchNorm but the first. running_var: "unbiased" (PyTorch) or "biased" (Paddle).
    Returns a module that takes [N*T, 3, H, W] and gives logits [N, num_classes].
    Raises ValueError for a name or value that is not known.
    """
    options = dict(locals())
    check("architecture", options.pop("name"), tuple(ARCHITECTURES))
    for option, known in CHOICES.items():
        check(option, options[option], known)
    if shift_div < (1 if shift_order == "causal" else 2):
        raise ValueError(f"shift_div: got {shift_div!r}, wanted at least 2 (1 with the causal shift)")
    block, blocks = ARCHITECTURES[name]
    if shift_every is None:
        # n_round in MIT's ops/temporal_shift.py 1f6a834 and mmaction2's resnet_tsm.py 4d6c934
        options["shift_every"] = 2 if shift_place == "blockres" and blocks[2] >= 23 else 1
    return ResNet(blocks, block, **options)
