"""The description of one network, complete enough to list its tensors without any framework.

`Network` holds what `create_model` takes. Key maps, strict loading and conversion work from it, so
that reading or converting a checkpoint imports neither Paddle nor PyTorch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

# Blocks in each stage (He et al., arXiv:1512.03385, table 1); layers of a depth below 50 are basic blocks.
RESNET_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
STAGE_WIDTHS = (64, 128, 256, 512)
STEM_CHANNELS = 64

ARCHITECTURES = {f"tsm_resnet{depth}": depth for depth in RESNET_BLOCKS}

CHOICES = {
    "shift_place": ("blockres", "block"),
    "shift_order": ("future_first", "past_first", "causal"),
    "running_var": ("unbiased", "biased"),
}

BATCH_NORM_TENSORS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def must_be_one_of(name: str, value, known) -> None:
    """Raise ValueError, listing the known values, unless `value` is one of `known`."""
    if value not in known:
        raise ValueError(f"{name}: got {value!r}, wanted one of {', '.join(map(repr, known))}")


def must_be_whole(name: str, value, least: int) -> None:
    """Raise ValueError unless `value` is an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: got {value!r}, wanted a whole number of at least {least}")


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
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: got {self.dropout!r}, wanted a probability in [0, 1)")

    @property
    def depth(self) -> int:
        return ARCHITECTURES[self.arch]

    @property
    def blocks(self) -> tuple[int, ...]:
        """Blocks in each of the four stages."""
        return RESNET_BLOCKS[self.depth]

    @property
    def expansion(self) -> int:
        """Output channels of a block over its width: 4 for a bottleneck, 1 for a basic block."""
        return 4 if self.depth >= 50 else 1

    @property
    def every(self) -> int:
        """`shift_every`, with upstream's rule where it is None (n_round in MIT's ops/temporal_shift.py and in
        mmaction2's resnet_tsm.py: `blockres` skips every second block from 23 blocks in layer3 on)."""
        if self.shift_every is not None:
            return self.shift_every
        return 2 if self.shift_place == "blockres" and self.blocks[2] >= 23 else 1

    def shifts(self, block: int) -> bool:
        """Whether the block with this index (counted from 0 in its stage) shifts its input."""
        return self.is_shift and block % self.every == 0

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Canonical name -> shape as PyTorch stores it (Linear weights [out, in]), in forward order."""
        shapes: dict[str, tuple[int, ...]] = {}

        def conv(name: str, out_channels: int, in_channels: int, kernel: int):
            shapes[f"{name}.weight"] = (out_channels, in_channels, kernel, kernel)

        def batch_norm(name: str, channels: int):
            for tensor in BATCH_NORM_TENSORS:
                shapes[f"{name}.{tensor}"] = () if tensor == "num_batches_tracked" else (channels,)

        conv("conv1", STEM_CHANNELS, 3, 7)
        batch_norm("bn1", STEM_CHANNELS)
        in_channels = STEM_CHANNELS
        for stage, (count, width) in enumerate(zip(self.blocks, STAGE_WIDTHS), 1):
            out_channels = width * self.expansion
            for block in range(count):
                name = f"layer{stage}.{block}"
                kernels = (1, 3, 1) if self.expansion == 4 else (3, 3)
                widths = (in_channels,) + (width,) * (len(kernels) - 1) + (out_channels,)
                for i, kernel in enumerate(kernels):
                    conv(f"{name}.conv{i + 1}", widths[i + 1], widths[i], kernel)
                    batch_norm(f"{name}.bn{i + 1}", widths[i + 1])
                if block == 0 and (stage > 1 or in_channels != out_channels):
                    conv(f"{name}.downsample.0", out_channels, in_channels, 1)
                    batch_norm(f"{name}.downsample.1", out_channels)
                in_channels = out_channels
        shapes["fc.weight"] = (self.num_classes, in_channels)
        shapes["fc.bias"] = (self.num_classes,)
        return shapes

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
    return name == "fc.weight"
