"""ResNet (He et al., arXiv:1512.03385, table 1) and PP-TSM's ResNet-vd (arXiv:1812.01187, section 4.2).

ResNet-vd differs from ResNet in three ways: its stem is three 3x3 convolutions; where the stride is 2, an average pool
stands in front of the shortcut's convolution; and its activation is the leaky ReLU (PaddleVideo resnet_tweaks_tsm.py
ed245e9). The names are torchvision's (models/resnet.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from paddle_tsm.networks.family import Family, Options
from paddle_tsm.networks.layers import Convolution, Layer, Place

# Blocks in each stage. The paper has no ResNet-10. It is the smallest network with all four stages, for demonstrations
# and tests.
BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
STEM_CHANNELS = 64
STAGE_WIDTHS = (64, 128, 256, 512)


def is_bottleneck(depth: int | None) -> bool:
    """Blocks have three convolutions in networks of 50 layers and more, and two in the others."""
    return depth is not None and depth >= 50


def skips_every_second(depth: int) -> bool:
    """Upstream shifts only every second block where the third stage has 23 blocks or more.

    Source: `n_round` in MIT ops/temporal_shift.py 1f6a834 and in mmaction2 resnet_tsm.py 4d6c934.
    """
    return BLOCKS[depth][2] >= 23


def stream_channels(network: Options, stage: int) -> int:
    """The channels behind a stage: its width, or four times as many behind bottlenecks."""
    return STAGE_WIDTHS[stage - 1] * (4 if is_bottleneck(network.depth) else 1)


def block_name(stage: int, block: int) -> str:
    return f"layer{stage}.{block}"


def plain_stem(channels: int) -> Iterator[Layer]:
    """One 7x7 convolution. channels: those of the input."""
    place = Place("stem", halvings=1)
    yield Convolution("conv1", place, STEM_CHANNELS, channels, (7, 7), "bn1", stride=2, activation="relu", writes=True)


def deep_stem(channels: int) -> Iterator[Layer]:
    """Three 3x3 convolutions, of which the last one writes the residual stream."""
    stem = partial(Convolution, place=Place("stem", halvings=1), kernel=(3, 3), activation="leaky_relu")
    yield stem("conv1_1", norm="bn1_1", in_channels=channels, out_channels=32, stride=2)
    yield stem("conv1_2", norm="bn1_2", in_channels=32, out_channels=32)
    yield stem("conv1_3", norm="bn1_3", in_channels=32, out_channels=STEM_CHANNELS, writes=True)


def layers(network: Options, stem: Callable[[int], Iterator[Layer]], activation: str) -> Iterator[Layer]:
    """The stem, then the blocks of every stage. The first block of each stage but the first has the stride 2."""
    yield from stem(network.in_channels)
    in_channels = STEM_CHANNELS
    for stage, count in enumerate(network.blocks, 1):
        out_channels = stream_channels(network, stage)
        for block in range(count):
            stride = 2 if stage > 1 and block == 0 else 1
            yield from branch_layers(network, stage, block, in_channels, stride, activation)
            if stride == 2 or in_channels != out_channels:
                name = f"{block_name(stage, block)}.downsample"
                yield Convolution(
                    f"{name}.0",
                    Place("shortcut", stage + 1, stage, block),
                    out_channels,
                    in_channels,
                    (1, 1),
                    f"{name}.1",
                    stride=stride,
                    reads=True,
                    writes=True,
                )
            in_channels = out_channels


def branch_layers(
    network: Options, stage: int, block: int, in_channels: int, stride: int, activation: str
) -> Iterator[Layer]:
    """The residual branch of a block. Its first 3x3 convolution has the stride, as in torchvision. In Caffe's style the
    first one has it (mmaction2 backbones/resnet.py 4d6c934 `style`).
    """
    kernels = (1, 3, 1) if is_bottleneck(network.depth) else (3, 3)
    name, last, strided = block_name(stage, block), len(kernels) - 1, 0 if network.caffe_style else kernels.index(3)
    for i, kernel in enumerate(kernels):
        out_channels = stream_channels(network, stage) if i == last else STAGE_WIDTHS[stage - 1]
        in_front_of_stride = stride == 2 and i < strided  # where height and width are not halved yet
        yield Convolution(
            f"{name}.conv{i + 1}",
            Place("branch", stage if in_front_of_stride else stage + 1, stage, block),
            out_channels,
            in_channels,
            (kernel, kernel),
            f"{name}.bn{i + 1}",
            stride=stride if i == strided else 1,
            activation=None if i == last else activation,
            reads=i == 0,
            writes=i == last,
        )
        in_channels = out_channels


RESNET = Family(
    name="resnet",
    model="resnet.ResNet",
    signature=r"(conv1|bn1|layer\d+|fc)\.",
    depths={f"tsm_resnet{depth}": depth for depth in BLOCKS},
    blocks=BLOCKS.__getitem__,
    layers=partial(layers, stem=plain_stem, activation="relu"),
    block_name=block_name,
    stream_channels=stream_channels,
    features=lambda network: stream_channels(network, 4),
    stage_halvings=(2, 3, 4, 5),
    skips_every_second=skips_every_second,
    bottleneck=is_bottleneck,
    has_caffe_style=True,
)
RESNET_VD = Family(
    name="resnet_vd",
    model="resnet.ResNetVd",
    signature=r"(conv1_\d|bn1_\d|layer\d+|fc)\.",
    depths={f"pptsm_resnet{depth}": depth for depth in (50, 101)},
    blocks=BLOCKS.__getitem__,
    layers=partial(layers, stem=deep_stem, activation="leaky_relu"),
    block_name=block_name,
    stream_channels=stream_channels,
    features=lambda network: stream_channels(network, 4),
    stage_halvings=(2, 3, 4, 5),
    bottleneck=is_bottleneck,
)
