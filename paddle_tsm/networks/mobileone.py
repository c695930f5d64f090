"""MobileOne, S0 to S4 (Vasu et al., arXiv:2206.04040, tables 2 and 8), as mmaction2's MobileOneTSM shifts it.

Every block is one convolution: in stage 0 a dense 3x3 one, behind it in turn a depthwise 3x3 and a 1x1 one. In training
it is the sum of parallel branches (section 3.3). Every block shifts its whole input, stage 0 the frames themselves:
with a shift_div of 3 or less their colours move. All branches see what was shifted, and no block adds anything behind
its activation, so that "block" and "blockres" would be one place of the shift: it is called "block".

Source: mmaction2 backbones/mobileone_tsm.py 4d6c934; mmpretrain 1.2.0 backbones/mobileone.py, models/utils/se_layer.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from paddle_tsm.networks.family import Family, Options
from paddle_tsm.networks.layers import Convolution, Layer, ParallelConvolution, Place, SqueezeExcitation

UNITS = (2, 8, 10, 1)  # of stages 1 to 4: a depthwise block and a 1x1 block each
LARGEST_STEM = 64


@dataclass(frozen=True)
class Size:
    """One of the five networks.

    widths: the channels behind stages 1 to 4. convolutions: how many branches of a block but stage 0's have the block's
    own kernel. excited: in how many units of each stage, counted from its end, both blocks have squeeze and excitation.
    """

    widths: tuple[int, int, int, int]
    convolutions: int = 1
    excited: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def stem(self) -> int:
        """The channels behind stage 0."""
        return min(LARGEST_STEM, self.widths[0])


SIZES = {
    0: Size((48, 128, 256, 1024), convolutions=4),
    1: Size((96, 192, 512, 1280)),
    2: Size((96, 256, 640, 2048)),
    3: Size((128, 320, 768, 2048)),
    4: Size((192, 448, 896, 2048), excited=(0, 0, 5, 1)),
}


@dataclass(frozen=True)
class BlockShape:
    """The one convolution of a block, whichever form it has.

    convolutions: how many branches have its kernel. excited: whether squeeze and excitation follows.
    """

    in_channels: int
    out_channels: int
    kernel: int
    stride: int
    groups: int
    convolutions: int
    excited: bool

    @property
    def kernels(self) -> tuple[int, ...]:
        """The branches' kernels: a 1x1 one, which stands first, and those of the block's own size."""
        return (1,) * (self.kernel > 1) + (self.kernel,) * self.convolutions

    @property
    def keeps_shape(self) -> bool:
        """Whether the output has the shape of the input, so that the input itself is a branch."""
        return self.stride == 1 and self.in_channels == self.out_channels

    @property
    def squeezed(self) -> int:
        """The channels between the two convolutions of squeeze and excitation: a 16th."""
        return self.out_channels // 16


def block_shapes(network: Options) -> list[list[BlockShape]]:
    """The blocks of stages 0 to 4."""
    size = SIZES[network.depth]
    channels = size.stem
    stages = [[BlockShape(network.in_channels, channels, 3, 2, 1, 1, False)]]
    for width, units, excited in zip(size.widths, UNITS, size.excited):
        stage = []
        for unit in range(units):
            ending = size.convolutions, unit >= units - excited
            stage.append(BlockShape(channels, channels, 3, 2 if unit == 0 else 1, channels, *ending))
            stage.append(BlockShape(channels, width, 1, 1, 1, *ending))
            channels = width
        stages.append(stage)
    return stages


def stage_name(stage: int) -> str:
    """mmaction2's name. It counts the stages from 0, and `Network` from 1."""
    return f"stage{stage - 1}"


def block_name(stage: int, block: int) -> str:
    return f"{stage_name(stage)}.{block}"


def is_pointwise(stage: int, block: int) -> bool:
    """Whether the block's convolution is 1x1: every second one is, behind stage 0."""
    return stage > 1 and block % 2 == 1


def layers(network: Options) -> Iterator[Layer]:
    """The blocks. Each reads what the one in front of it wrote and the shift then moves; the first one reads frames."""
    for stage, shapes in enumerate(block_shapes(network), 1):
        for block, shape in enumerate(shapes):
            convolution = block_convolution(stage, block, shape)
            yield convolution.fused if network.fused else convolution
            if shape.excited:
                yield block_excitation(stage, block, shape)


def block_convolution(stage: int, block: int, shape: BlockShape) -> ParallelConvolution:
    """The convolution of a block in both forms. The ReLU comes behind squeeze and excitation, where there is one."""
    name, activation = block_name(stage, block), None if shape.excited else "relu"
    convolution = partial(
        Convolution,
        place=Place("branch", stage, stage, block),
        out_channels=shape.out_channels,
        in_channels=shape.in_channels,
        stride=shape.stride,
        groups=shape.groups,
        reads=stage > 1,
        writes=True,
    )
    branches = tuple(
        convolution(f"{name}.branches.{k}.conv", kernel=(size, size), norm=f"{name}.branches.{k}.bn")
        for k, size in enumerate(shape.kernels)
    )
    fused = convolution(f"{name}.fused", kernel=(shape.kernel, shape.kernel), bias=True, activation=activation)
    return ParallelConvolution(fused, branches, f"{name}.identity" if shape.keeps_shape else None, activation)


def block_excitation(stage: int, block: int, shape: BlockShape) -> SqueezeExcitation:
    """The squeeze and excitation behind the convolution of a block, and the ReLU behind both."""
    name, once = f"{block_name(stage, block)}.se", Place("branch", None, stage, block)
    wide, narrow = shape.out_channels, shape.squeezed
    return SqueezeExcitation(
        Convolution(f"{name}.fc1", once, narrow, wide, (1, 1), bias=True, activation="relu", reads=True),
        Convolution(f"{name}.fc2", once, wide, narrow, (1, 1), bias=True, writes=True),
        gate="sigmoid",
        activation="relu",
    )


MOBILEONE = Family(
    name="mobileone",
    model="mobileone.MobileOne",
    signature=r"(stage[0-4]\.\d+\.(identity|branches\.\d+|fused|se)|fc)\.",
    depths={f"tsm_mobileone_s{size}": size for size in SIZES},
    blocks=lambda depth: (1, *(2 * count for count in UNITS)),
    layers=layers,
    block_name=block_name,
    stage_name=stage_name,
    stream_channels=lambda network, stage: block_shapes(network)[stage - 1][-1].out_channels,
    features=lambda network: SIZES[network.depth].widths[-1],
    stage_halvings=(1, 2, 3, 4, 5),
    has_shortcuts=False,
    allows_non_local=False,
    variants=({}, {"fused": True}),
)
