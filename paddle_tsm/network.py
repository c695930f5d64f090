"""The description of one network, complete enough to list its tensors without any framework.

`Network` holds what `create_model` takes. Key maps, strict loading and conversion work from it, so
that reading or converting a checkpoint imports neither Paddle nor PyTorch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

from paddle_tsm.non_local_options import NonLocalOptions, parse_non_local

# Blocks in each stage (He et al., arXiv:1512.03385, table 1); layers of a depth below 50 are basic blocks. 10 is not in the
# paper: the least network that has every stage, for demonstrations and tests.
RESNET_BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
STAGE_WIDTHS = (64, 128, 256, 512)
STEM_CHANNELS = 64

# expansion, channels, blocks of each stage (Sandler et al., arXiv:1801.04381, table 2)
MOBILENET_STAGES = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
MOBILENET_STEM, MOBILENET_LAST = 32, 1280

# name -> (family, depth)
ARCHITECTURES = {f"tsm_resnet{depth}": ("resnet", depth) for depth in RESNET_BLOCKS} | {
    "tsm_mobilenet_v2": ("mobilenet_v2", None),
    "pptsm_resnet50": ("resnet_vd", 50),
    "pptsm_resnet101": ("resnet_vd", 101),
}
CLASSIFIERS = {"resnet": "fc", "resnet_vd": "fc", "mobilenet_v2": "classifier.1"}

CHOICES = {
    "shift_place": ("blockres", "block"),
    "shift_order": ("future_first", "past_first", "causal"),
    "running_var": ("unbiased", "biased"),
}


def must_be_one_of(name: str, value, known) -> None:
    """Raise ValueError, listing the known values, unless `value` is one of `known`."""
    if not any(value is one or type(value) is type(one) and value == one for one in known):
        raise ValueError(f"{name}: got {value!r}, wanted one of {', '.join(map(repr, known))}")


def must_be_whole(name: str, value, least: int) -> None:
    """Raise ValueError unless `value` is an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: got {value!r}, wanted a whole number of at least {least}")


@dataclass(frozen=True)
class Tensor:
    """One tensor. stage (from 1) and block (from 0) say which block it belongs to; None outside of the blocks."""

    name: str
    shape: tuple[int, ...]
    stage: int | None = None
    block: int | None = None


@dataclass(frozen=True)
class Network:
    """One TSM network; the fields are the arguments of `paddle_tsm.create_model`.

    Raises ValueError for a value that is not known, naming the known ones.
    """

    arch: str
    num_classes: int = 400
    num_segments: int = 8
    is_shift: bool = True
    shift_div: int = 8
    shift_place: str = "blockres"
    shift_every: int | None = None
    shift_order: str = "future_first"
    temporal_pool: bool = False
    non_local: NonLocalOptions | None = None
    dropout: float = 0.5
    partial_bn: bool = False
    running_var: str = "unbiased"

    def __post_init__(self):
        must_be_one_of("architecture", self.arch, tuple(ARCHITECTURES))
        for name, known in CHOICES.items():
            must_be_one_of(name, getattr(self, name), known)
        must_be_whole("num_classes", self.num_classes, 1)
        must_be_whole("num_segments", self.num_segments, 1)
        # two folds are shifted, so that more than half of the channels cannot be asked for
        must_be_whole("shift_div", self.shift_div, 1 if self.shift_order == "causal" else 2)
        if self.shift_every is not None:
            must_be_whole("shift_every", self.shift_every, 1)
        for name in ("is_shift", "temporal_pool", "partial_bn"):
            must_be_one_of(name, getattr(self, name), (True, False))
        if isinstance(self.dropout, bool) or not isinstance(self.dropout, (int, float)) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: got {self.dropout!r}, wanted a probability in [0, 1)")
        if self.temporal_pool and self.num_segments % 2:
            raise ValueError(f"temporal_pool: got num_segments {self.num_segments}, wanted an even number of frames")
        object.__setattr__(self, "non_local", parse_non_local(self.non_local, self.blocks))

    @property
    def family(self) -> str:
        """ "resnet", "resnet_vd" or "mobilenet_v2"."""
        return ARCHITECTURES[self.arch][0]

    @property
    def depth(self) -> int | None:
        return ARCHITECTURES[self.arch][1]

    @property
    def blocks(self) -> tuple[int, ...]:
        """Blocks in each stage."""
        if self.family == "mobilenet_v2":
            return tuple(count for _, _, count in MOBILENET_STAGES)
        return RESNET_BLOCKS[self.depth]

    @property
    def expansion(self) -> int:
        """Output channels of a block over its width: 4 for a bottleneck, 1 for a basic block."""
        return 4 if self.depth >= 50 else 1

    @property
    def every(self) -> int:
        """`shift_every`, with upstream's rule where it is None (n_round in MIT's ops/temporal_shift.py and in
        mmaction2's resnet_tsm.py: `blockres` skips every second block from 23 blocks in layer3 on; PaddleVideo's
        PP-TSM has no such rule)."""
        if self.shift_every is not None:
            return self.shift_every
        return 2 if self.shift_place == "blockres" and self.blocks[2] >= 23 and self.family == "resnet" else 1

    def shifts(self, stage: int, block: int) -> bool:
        """Whether a block (stage counted from 1, block from 0) shifts its input. In MobileNetV2 only those with a
        shortcut do, which are all but the first of a stage."""
        if self.family == "mobilenet_v2" and block == 0:
            return False
        return self.is_shift and block % self.every == 0

    def attends(self, stage: int, block: int) -> bool:
        """Whether a non-local block follows this block."""
        return self.non_local is not None and (stage, block) in self.non_local.blocks

    @property
    def classifier(self) -> str:
        """The canonical name of the Linear layer."""
        return CLASSIFIERS[self.family]

    def tensors(self) -> list[Tensor]:
        """Every tensor in forward order."""
        from paddle_tsm.network_tensors import list_tensors

        return list_tensors(self)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Canonical name -> shape as PyTorch stores it (Linear weights [out, in]), in forward order."""
        return {tensor.name: tensor.shape for tensor in self.tensors()}

    def options(self) -> dict:
        """The fields without the architecture's name: the keyword arguments of `create_model`."""
        options = asdict(self)
        del options["arch"]
        return options

    def with_options(self, **options) -> Network:
        """A copy with some options changed. Raises ValueError for an option that does not exist."""
        known = [field.name for field in fields(self) if field.name != "arch"]
        for name in options:
            must_be_one_of("option", name, known)
        return replace(self, **options)


def is_linear_weight(name: str) -> bool:
    """Whether the canonical tensor `name` is a Linear layer's weight, the one kind that Paddle stores transposed.

    Decided by the layer, never by the shape: a square weight would be loaded untransposed in silence.
    """
    return name in {f"{classifier}.weight" for classifier in CLASSIFIERS.values()}
