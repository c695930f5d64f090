"""ResNet (He et al., arXiv:1512.03385, table 1) and ResNet-vd (arXiv:1812.01187, section 4.2) as PP-TSM has it.

ResNet-vd differs by its stem of three 3x3 convolutions, by an average pool in front of the shortcut's convolution where
the stride is 2, and by leaky ReLU (PaddleVideo resnet_tweaks_tsm.py ed245e9). Names are torchvision's
(models/resnet.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from paddle_tsm.networks.family import Family, Options
from paddle_tsm.networks.layers import Convolution, Layer, Place

# Blocks in each stage. 10 is not in the paper: the least network that has every stage, for demonstrations and tests.
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


def is_bottleneck(depth: int) -> bool:
    """Networks of 50 layers and more have blocks of three convolutions, the others of two."""
    return depth >= 50


def stream_channels(network: Options, stage: int) -> int:
    return STAGE_WIDTHS[stage - 1] * (4 if is_bottleneck(network.depth) else 1)


def block_name(stage: int, block: int) -> str:
    return f"layer{stage}.{block}"


def plain_stem() -> Iterator[Layer]:
    place = Place("stem", halvings=1)
    yield Convolution("conv1", place, STEM_CHANNELS, 3, (7, 7), "bn1", stride=2, activation="relu", writes=True)


def three_convolutions() -> Iterator[Layer]:
    place = Place("stem", halvings=1)
    widths = (3, 32, 32, STEM_CHANNELS)
    for i in (1, 2, 3):
        yield Convolution(
            f"conv1_{i}", place, widths[i], widths[i - 1], (3, 3), f"bn1_{i}",
            stride=2 if i == 1 else 1, activation="leaky_relu", writes=i == 3,
        )  # fmt: skip


def layers(network: Options, stem, activation: str) -> Iterator[Layer]:
    """Stem and stages. The stride of a stage is that of its first block's 3x3 convolution (torchvision's style)."""
    yield from stem()
    in_channels = STEM_CHANNELS
    kernels = (1, 3, 1) if is_bottleneck(network.depth) else (3, 3)
    for stage, (count, width) in enumerate(zip(network.blocks, STAGE_WIDTHS), 1):
        out_channels = stream_channels(network, stage)
        widths = (width,) * (len(kernels) - 1) + (out_channels,)
        for block in range(count):
            name, stride = block_name(stage, block), 2 if stage > 1 and block == 0 else 1
            channels, strided = in_channels, kernels.index(3)
            for i, (kernel, wide) in enumerate(zip(kernels, widths)):
                last = i == len(kernels) - 1
                before = stride == 2 and i < strided  # a convolution in front of the strided one sees the larger map
                yield Convolution(
                    f"{name}.conv{i + 1}",
                    Place("branch", stage if before else stage + 1, stage, block),
                    wide,
                    channels,
                    (kernel, kernel),
                    f"{name}.bn{i + 1}",
                    stride=stride if i == strided else 1,
                    activation=None if last else activation,
                    reads=i == 0,
                    writes=last,
                )
                channels = wide
            if stride == 2 or in_channels != out_channels:
                place = Place("shortcut", stage + 1, stage, block)
                yield Convolution(
                    f"{name}.downsample.0", place, out_channels, in_channels, (1, 1), f"{name}.downsample.1",
                    stride=stride, reads=True, writes=True,
                )  # fmt: skip
            in_channels = out_channels


RESNET = Family(
    name="resnet",
    depths={f"tsm_resnet{depth}": depth for depth in BLOCKS},
    blocks=BLOCKS.__getitem__,
    layers=partial(layers, stem=plain_stem, activation="relu"),
    block_name=block_name,
    stream_channels=stream_channels,
    features=lambda network: stream_channels(network, 4),
    stage_halvings=(2, 3, 4, 5),
    skips_every_second=True,
    bottleneck=is_bottleneck,
)
RESNET_VD = Family(
    name="resnet_vd",
    depths={f"pptsm_resnet{depth}": depth for depth in (50, 101)},
    blocks=BLOCKS.__getitem__,
    layers=partial(layers, stem=three_convolutions, activation="leaky_relu"),
    block_name=block_name,
    stream_channels=stream_channels,
    features=lambda network: stream_channels(network, 4),
    stage_halvings=(2, 3, 4, 5),
    bottleneck=is_bottleneck,
)
