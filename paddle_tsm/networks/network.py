"""The description of one network: its options, and what follows from them, without any framework.

A `Network` holds what `create_model` takes. Key tables, strict loading and conversion work from it, so that a
checkpoint is read and converted without importing Paddle or PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from itertools import groupby
from typing import Any

from paddle_tsm.networks.families import family_of
from paddle_tsm.networks.family import Family
from paddle_tsm.networks.layers import Layer, Linear, Place, Tensor
from paddle_tsm.networks.non_local import MODES, NonLocalOptions, non_local_layers, parse_non_local
from paddle_tsm.networks.option import Flag, option
from paddle_tsm.networks.option_checks import must_be_one_of, must_be_probability, must_be_whole

SHIFT_PLACES = ("blockres", "block")
SHIFT_ORDERS = ("future_first", "past_first", "causal")
RUNNING_VARS = ("unbiased", "biased")


@dataclass(frozen=True)
class Network:
    """One TSM network. The fields are the arguments of `paddle_tsm.create_model`.

    Raises ValueError for a value that is not known; the error lists the known values.
    """

    arch: str
    num_classes: int = option(400, "K, the number of classes.", values="1 or more")
    num_segments: int = option(
        8,
        "T, the number of frames of a clip.",
        Flag("--num-segments", "The number of frames of a clip.", int, "T"),
        values="1 or more; even with a temporal pool",
    )
    is_shift: bool = option(
        True,
        "Whether the network shifts. Without the shift it is TSN.",
        Flag("--no-shift", "The network is TSN: it has no temporal shift.", value=False),
    )
    shift_div: int = option(
        8,
        "One fold is C // shift_div channels.",
        Flag("--shift-div", "The shift moves folds of C // N channels.", int, "N"),
        values="2 or more; 1 with shift_order=causal",
    )
    shift_place: str = option(
        "blockres",
        '"blockres" shifts the input of the residual branch, "block" the input of the whole block. A network without '
        'shortcuts, such as MobileOne, has "block" only.',
        Flag(
            "--shift-place",
            "What is shifted: the input of the residual branch (blockres) or of the whole block (block).",
            choices=SHIFT_PLACES,
        ),
    )
    shift_every: int | None = option(
        None,
        "One block in so many shifts. None is upstream's rule: 2 in a ResNet whose layer3 has 23 blocks or more, with "
        '"blockres"; 1 in every other network.',
        Flag("--shift-every", "One block in N shifts.", int, "N", default="upstream's rule"),
        values="none, or 1 or more",
    )
    shift_order: str = option(
        "future_first",
        'Which fold comes from which side: "future_first" (MIT, mmaction2), "past_first" (Paddle\'s operator, '
        'PaddleVideo) or "causal" (online).',
        Flag("--shift-order", "The shift order in which the network is run and written.", choices=SHIFT_ORDERS),
    )
    temporal_pool: bool = option(
        False,
        "Whether a temporal pool halves the number of frames in front of the second stage.",
        Flag("--temporal-pool", "A temporal pool makes T/2 frames of T in front of the second stage."),
    )
    non_local: NonLocalOptions | None = option(
        None,
        f"None, a pairwise function ({', '.join(MODES)}), or a dict with some fields of NonLocalOptions.",
        Flag(
            "--non-local",
            "The pairwise function of the non-local blocks.",
            choices=MODES,
            default=NonLocalOptions.mode,
        ),
        values=f"none, {', '.join(MODES)}",
    )
    dropout: float = option(
        None,
        "The probability that a feature is dropped in front of the classifier. None is that of the architecture's "
        "published networks: 0.2 in PP-TSMv2 and in PP-TSM on MobileNetV3, 0 in PP-TSM on MobileNetV2, 0.5 in every "
        "other.",
        values="none, or 0 to below 1",
    )
    partial_bn: bool = option(
        False, "Whether every BatchNorm is frozen in training, except the first and those of non-local blocks."
    )
    running_var: str = option(
        "unbiased",
        'Which variance of a batch the running variance follows: "unbiased" (PyTorch) or "biased" (Paddle).',
        values=", ".join(RUNNING_VARS),
    )
    in_channels: int = option(
        3, "The channels of an input frame: 3 of a picture, or 2 for each picture of optical flow.", values="1 or more"
    )
    shift_segments: int | None = option(
        None,
        "The shift stays within groups of so many frames. None is all frames of a clip. mmaction2's published "
        "MobileOne-TSM shifts 16 frames as two groups of 8.",
        Flag("--shift-segments", "The shift stays within groups of T frames.", int, "T", default="all of a clip"),
        values="none, or 1 or more; a divisor of num_segments",
    )
    temporal_attention: bool = option(False, "Whether PP-TSMv2 weighs the frames of a clip in front of its shift.")
    caffe_style: bool = option(
        False,
        "Whether the stride of a bottleneck stands in its first convolution, as in Caffe's ResNet, and not in the 3x3 "
        "one.",
        Flag("--caffe-style", "A bottleneck's first convolution has the stride (mmaction2's style='caffe')."),
    )
    fused: bool = option(
        False, "Whether the branches of re-parameterised convolutions are one convolution each, for inference alone."
    )

    def __post_init__(self):
        if self.dropout is None:
            object.__setattr__(self, "dropout", self.family.dropout)  # an unknown architecture is an error here, too
        must_be_one_of("shift_place", self.shift_place, SHIFT_PLACES)
        must_be_one_of("shift_order", self.shift_order, SHIFT_ORDERS)
        must_be_one_of("running_var", self.running_var, RUNNING_VARS)
        must_be_whole("num_classes", self.num_classes, 1)
        must_be_whole("num_segments", self.num_segments, 1)
        must_be_whole("shift_div", self.shift_div, 1 if self.shift_order == "causal" else 2)  # one fold, or two
        if self.shift_every is not None:
            must_be_whole("shift_every", self.shift_every, 1)
        must_be_one_of("is_shift", self.is_shift, (True, False))
        must_be_one_of("temporal_pool", self.temporal_pool, (True, False))
        must_be_one_of("partial_bn", self.partial_bn, (True, False))
        must_be_probability("dropout", self.dropout)
        must_be_whole("in_channels", self.in_channels, 1)
        must_be_one_of("temporal_attention", self.temporal_attention, (True, False))
        must_be_one_of("fused", self.fused, (True, False))
        must_be_one_of("caffe_style", self.caffe_style, (True, False))
        if self.temporal_pool and self.num_segments % 2:
            raise ValueError(f"temporal_pool: got num_segments {self.num_segments}, wanted an even number of frames")
        if not self.family.has_shortcuts:
            object.__setattr__(self, "shift_place", "block")  # so that one network has one description
        object.__setattr__(self, "non_local", parse_non_local(self.non_local, self.blocks))
        self.check_shift_segments()
        self.check_variant()
        refusal = self.family.refusal(self)
        if refusal is not None:
            raise ValueError(f"{self.arch} {refusal}")

    def check_shift_segments(self) -> None:
        """Raise ValueError unless the groups of frames within which the network shifts make up a clip."""
        if self.shift_segments is None:
            return
        must_be_whole("shift_segments", self.shift_segments, 1)
        if self.num_segments % self.shift_segments:
            raise ValueError(
                f"shift_segments: got {self.shift_segments} for {self.num_segments} frames, wanted a divisor of them"
            )
        if self.temporal_pool:
            raise ValueError("shift_segments: got it with temporal_pool, which makes other groups; wanted one of them")
        if self.shift_segments == self.num_segments:
            object.__setattr__(self, "shift_segments", None)

    def check_variant(self) -> None:
        """Raise ValueError for an option that adds or takes away tensors where the family has no such variant."""
        for name in ("temporal_attention", "fused"):
            if getattr(self, name) and not any(variant.get(name) for variant in self.family.variants):
                raise ValueError(f"{name}: got True, but {self.arch} has no such layers; wanted False")
        if self.caffe_style and not (self.family.has_caffe_style and self.family.bottleneck(self.depth)):
            raise ValueError(f"caffe_style: got True, but {self.arch} has no such bottlenecks; wanted False")
        if self.non_local is not None and not self.family.allows_non_local:
            raise ValueError(f"non_local: got {self.non_local.mode!r} for {self.arch}, which has none; wanted None")

    @cached_property  # it is asked for with every tensor
    def family(self) -> Family:
        """The family of the architecture."""
        return family_of(self.arch)

    @property
    def depth(self) -> int | None:
        """The number in the architecture's name; None where the family has only one network."""
        return self.family.depths[self.arch]

    @property
    def blocks(self) -> tuple[int, ...]:
        """The number of blocks in each stage."""
        return self.family.blocks(self.depth)

    @property
    def every(self) -> int:
        """`shift_every`, with upstream's rule applied where it is None.

        The rule itself stands in `skips_every_second` of the family; PP-TSM has none. It holds for "blockres" only.
        """
        if self.shift_every is not None:
            return self.shift_every
        return 2 if self.shift_place == "blockres" and self.family.skips_every_second(self.depth) else 1

    def shifts(self, stage: int, block: int) -> bool:
        """Whether a block shifts. Stages are counted from 1, and the blocks of a stage from 0."""
        return self.is_shift and self.family.can_shift(stage, block) and block % self.every == 0

    def attends(self, stage: int, block: int) -> bool:
        """Whether a non-local block follows the residual block."""
        return self.non_local is not None and (stage, block) in self.non_local.blocks

    def segments(self, stage: int | None) -> int:
        """The number of frames of a clip in a stage, counted from 1. None stands for behind the last stage.

        With a temporal pool, the second stage and all behind it have half of the frames.
        """
        pooled = self.temporal_pool and (stage is None or stage > 1)
        return self.num_segments // 2 if pooled else self.num_segments

    def shifted_segments(self, stage: int) -> int:
        """The number of frames within which a block of this stage shifts."""
        return self.shift_segments or self.segments(stage)

    @property
    def classifier(self) -> str:
        """The canonical name of the classifier, a Linear layer."""
        return self.family.classifier

    def layers(self) -> Iterator[Layer]:
        """Every layer that has tensors, in forward order: the family's, the non-local blocks', and the classifier."""
        for (stage, block), layers in groupby(self.family.layers(self), lambda x: (x.place.stage, x.place.block)):
            yield from layers
            if self.non_local is not None and stage is not None and self.attends(stage, block):
                place = Place("non_local", self.family.stage_halvings[stage - 1], stage, block)
                channels = self.family.stream_channels(self, stage)
                yield from non_local_layers(self.family.block_name(stage, block), channels, self.non_local, place)
        place = Place("classifier", None)
        reads = self.family.classifier_reads_stream
        yield Linear(self.classifier, place, self.num_classes, self.family.features(self), reads)

    def tensors(self) -> list[Tensor]:
        """Every tensor of the network, in forward order."""
        return [tensor for layer in self.layers() for tensor in layer.tensors()]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Canonical name -> shape, in forward order. Shapes are PyTorch's: a Linear weight is [out, in]."""
        return {tensor.name: tensor.shape for tensor in self.tensors()}

    def options(self) -> dict[str, Any]:
        """The keyword arguments of `create_model`: every field but the architecture."""
        options = asdict(self)
        del options["arch"]
        return options

    def with_options(self, **options: Any) -> Network:
        """A copy in which some options are changed. Raises ValueError for an option that does not exist."""
        known = [field.name for field in fields(self) if field.name != "arch"]
        for name in options:
            must_be_one_of("option", name, known)
        return replace(self, **options)
