"""MobileNetV2 of width 1 (Sandler et al., arXiv:1801.04381, table 2). The names are torchvision's.

Only blocks with a shortcut shift, and these are all but the first block of each stage (MIT ops/models.py 1f6a834
`_prepare_base_model`; mmaction2 mobilenet_v2_tsm.py 4d6c934). Source of the names: torchvision models/mobilenetv2.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from paddle_tsm.networks.family import Family, Options
from paddle_tsm.networks.layers import Convolution, Layer, Place

# Each row is a stage: expansion, channels, blocks, stride of the first block.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
STEM_CHANNELS, LAST_CHANNELS = 32, 1280
LAST_STREAM = STAGES[-1][1]


def block_name(stage: int, block: int) -> str:
    """The canonical name of a block. torchvision counts the blocks of all stages together, behind the stem."""
    blocks_before = sum(count for _, _, count, _ in STAGES[: stage - 1])
    return f"features.{blocks_before + block + 1}"


def layers(network: Options) -> Iterator[Layer]:
    """The stem, the inverted residual blocks, and the last convolution.

    The stem's output is not a residual stream: nothing shifts in front of the first block's projection.
    """
    yield Convolution(
        "features.0.0",
        Place("stem", 1),
        STEM_CHANNELS,
        network.in_channels,
        (3, 3),
        "features.0.1",
        stride=2,
        activation="relu6",
    )
    in_channels, halvings = STEM_CHANNELS, 1
    for stage, (expansion, out_channels, count, first_stride) in enumerate(STAGES, 1):
        for block in range(count):
            stride = first_stride if block == 0 else 1
            yield from block_layers(stage, block, in_channels, expansion, out_channels, stride, halvings)
            in_channels, halvings = out_channels, halvings + (stride == 2)
    end = Place("end", halvings)
    yield Convolution(
        "features.18.0", end, LAST_CHANNELS, LAST_STREAM, (1, 1), "features.18.1", activation="relu6", reads=True
    )


def block_layers(
    stage: int, block: int, in_channels: int, expansion: int, out_channels: int, stride: int, halvings: int
) -> Iterator[Layer]:
    """A 1x1 convolution that expands (none where the expansion is 1), a depthwise 3x3 one, and a 1x1 one that projects.

    halvings: how often height and width have been halved in front of the block.
    """
    name, wide, number = f"{block_name(stage, block)}.conv", in_channels * expansion, 0
    before = Place("branch", halvings, stage, block)
    behind = Place("branch", halvings + (stride == 2), stage, block)
    if expansion != 1:
        yield Convolution(
            f"{name}.0.0", before, wide, in_channels, (1, 1), f"{name}.0.1", activation="relu6", reads=True
        )
        number = 1
    yield Convolution(
        f"{name}.{number}.0",
        behind,
        wide,
        wide,
        (3, 3),
        f"{name}.{number}.1",
        stride=stride,
        groups=wide,
        activation="relu6",
    )
    yield Convolution(f"{name}.{number + 1}", behind, out_channels, wide, (1, 1), f"{name}.{number + 2}", writes=True)


MOBILENET_V2 = Family(
    name="mobilenet_v2",
    model="mobilenet_v2.MobileNetV2",
    signature=r"(features\.\d+\.(\d|non_local|conv\.(\d\.\d|[123]))|classifier\.1)\.",
    depths={"tsm_mobilenet_v2": None},
    blocks=lambda depth: tuple(count for _, _, count, _ in STAGES),
    layers=layers,
    block_name=block_name,
    stream_channels=lambda network, stage: STAGES[stage - 1][1],
    features=lambda network: LAST_CHANNELS,
    stage_halvings=(1, 2, 3, 4, 4, 5, 5),
    classifier="classifier.1",
    classifier_reads_stream=False,
    can_shift=lambda stage, block: block > 0,
)
