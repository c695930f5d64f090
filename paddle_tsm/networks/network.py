"""The description of one network: its options, and what follows from them, without any framework.

`Network` holds what `create_model` takes. Key tables, strict loading and conversion work from it, so that reading or
converting a checkpoint imports neither Paddle nor PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from itertools import groupby

from paddle_tsm.networks.families import family_of
from paddle_tsm.networks.family import Family
from paddle_tsm.networks.layers import Layer, Linear, Place, Tensor
from paddle_tsm.networks.non_local import MODES, NonLocalOptions, non_local_layers, parse_non_local
from paddle_tsm.networks.option import Flag, option
from paddle_tsm.networks.option_checks import must_be_one_of, must_be_whole

CHOICES = {
    "shift_place": ("blockres", "block"),
    "shift_order": ("future_first", "past_first", "causal"),
    "running_var": ("unbiased", "biased"),
}


@dataclass(frozen=True)
class Network:
    """One TSM network; the fields are the arguments of `paddle_tsm.create_model`.

    Raises ValueError for a value that is not known, naming the known ones.
    """

    arch: str
    num_classes: int = option(400, "K, the classes.")
    num_segments: int = option(8, "T, the frames of a clip.", Flag("--num-segments", "frames of a clip (8)", int, "T"))
    is_shift: bool = option(
        True,
        "Whether the network shifts; False is TSN.",
        Flag("--no-shift", "TSN: no temporal shift", value=False),
    )
    shift_div: int = option(
        8,
        "One fold is C // shift_div channels.",
        Flag("--shift-div", "one fold is C // N channels (8)", int, "N"),
    )
    shift_place: str = option(
        "blockres",
        '"blockres" shifts what the residual branch reads, "block" what the whole block reads.',
        Flag("--shift-place", "where a block shifts (blockres)", choices=CHOICES["shift_place"]),
    )
    shift_every: int | None = option(
        None,
        'Shift in every so many blocks. None is upstream\'s rule: 2 with "blockres" where layer3 has 23 blocks or more, else '
        "1; PP-TSM always shifts every block.",
        Flag("--shift-every", "shift in every N-th block (upstream's rule)", int, "N"),
    )
    shift_order: str = option(
        "future_first",
        '"future_first" (MIT, mmaction2), "past_first" (Paddle\'s operator, PaddleVideo) or "causal" (online).',
        Flag("--shift-order", "the order to run and write (future_first)", choices=CHOICES["shift_order"]),
    )
    temporal_pool: bool = option(
        False,
        "Whether the frames are halved in front of the second stage.",
        Flag("--temporal-pool", "T frames become T/2 in front of the second stage"),
    )
    non_local: NonLocalOptions | None = option(
        None,
        f"None, a pairwise function ({', '.join(MODES)}), or a dict of NonLocalOptions' fields.",
        Flag("--non-local", "the pairwise function of its non-local blocks (embedded_gaussian)", choices=MODES),
    )
    dropout: float = option(0.5, "The probability that a feature is dropped in front of the classifier.")
    partial_bn: bool = option(
        False, "Whether training freezes every BatchNorm except the first and those of non-local blocks."
    )
    running_var: str = option("unbiased", '"unbiased": PyTorch\'s running variance; "biased": Paddle\'s.')

    def __post_init__(self):
        family_of(self.arch)
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
    def family(self) -> Family:
        return family_of(self.arch)

    @property
    def depth(self) -> int | None:
        """Layers of the network as its name counts them; None where the family has one network only."""
        return self.family.depths[self.arch]

    @property
    def blocks(self) -> tuple[int, ...]:
        """Blocks in each stage."""
        return self.family.blocks(self.depth)

    @property
    def every(self) -> int:
        """`shift_every`, with upstream's rule where it is None (n_round in MIT's ops/temporal_shift.py and in
        mmaction2's resnet_tsm.py: `blockres` skips every second block from 23 blocks in layer3 on; PaddleVideo's
        PP-TSM has no such rule)."""
        if self.shift_every is not None:
            return self.shift_every
        return 2 if self.shift_place == "blockres" and self.blocks[2] >= 23 and self.family.skips_every_second else 1

    def shifts(self, stage: int, block: int) -> bool:
        """Whether a block (stage counted from 1, block from 0) shifts its input."""
        return self.is_shift and self.family.can_shift(stage, block) and block % self.every == 0

    def attends(self, stage: int, block: int) -> bool:
        """Whether a non-local block follows this block."""
        return self.non_local is not None and (stage, block) in self.non_local.blocks

    def segments(self, stage: int | None) -> int:
        """Frames of a clip in a stage (counted from 1), and behind the last one for None: with temporal pooling, half
        of them from the second stage on.
        """
        pooled = self.temporal_pool and (stage is None or stage > 1)
        return self.num_segments // 2 if pooled else self.num_segments

    @property
    def classifier(self) -> str:
        """The canonical name of the Linear layer."""
        return self.family.classifier

    def layers(self) -> Iterator[Layer]:
        """Every layer that has tensors, in forward order."""
        for (stage, block), layers in groupby(self.family.layers(self), lambda x: (x.place.stage, x.place.block)):
            yield from layers
            if stage is not None and self.attends(stage, block):
                place = Place("non_local", self.family.stage_halvings[stage - 1], stage, block)
                channels = self.family.stream_channels(self, stage)
                yield from non_local_layers(self.family.block_name(stage, block), channels, self.non_local, place)
        place = Place("classifier", self.family.stage_halvings[-1])
        reads = self.family.classifier_reads_stream
        yield Linear(self.classifier, place, self.num_classes, self.family.features(self), reads)

    def tensors(self) -> list[Tensor]:
        """Every tensor in forward order."""
        return [tensor for layer in self.layers() for tensor in layer.tensors()]

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
