"""PP-TSM on MobileNetV2 of width 1 (arXiv:1801.04381, table 2; PaddleVideo backbones/pptsm_mv2.py ed245e9).

It has the widths of MobileNetV2, but its first block, too, has a convolution that expands, and it has no dropout. The
names are PaddleVideo's, shortened: "conv2" to "conv8" are the stages, and "conv9" is the last convolution.
"""

from __future__ import annotations

from collections.abc import Iterator

from paddle_tsm.networks.family import Family, Options
from paddle_tsm.networks.inverted_residual import InvertedResidual
from paddle_tsm.networks.layers import Convolution, Layer, Place
from paddle_tsm.networks.mobilenet_v2 import LAST_CHANNELS, LAST_STREAM, STAGES, STEM_CHANNELS


def block_name(stage: int, block: int) -> str:
    return f"conv{stage + 1}.{block}"


def blocks() -> Iterator[InvertedResidual]:
    """The blocks of all stages, in forward order."""
    channels = STEM_CHANNELS
    for stage, (expansion, out_channels, count, first_stride) in enumerate(STAGES, 1):
        for block in range(count):
            yield InvertedResidual(
                block_name(stage, block),
                stage,
                block,
                channels,
                channels * expansion,
                out_channels,
                kernel=3,
                stride=first_stride if block == 0 else 1,
                activation="relu6",
            )
            channels = out_channels


def layers(network: Options) -> Iterator[Layer]:
    """The first convolution, the blocks, and the last convolution."""
    yield Convolution(
        "first.conv",
        Place("stem", 1),
        STEM_CHANNELS,
        network.in_channels,
        (3, 3),
        "first.bn",
        stride=2,
        activation="relu6",
        writes=True,
    )
    halvings = 1
    for block in blocks():
        yield from block.layers(halvings)
        halvings += block.stride == 2
    end = Place("end", halvings)
    yield Convolution("conv9.conv", end, LAST_CHANNELS, LAST_STREAM, (1, 1), "conv9.bn", activation="relu6", reads=True)


PPTSM_MOBILENET_V2 = Family(
    name="pptsm_mobilenet_v2",
    model="pptsm_mobilenet_v2.PPTSMMobileNetV2",
    signature=r"(first\.(conv|bn)|conv[2-8]\.\d\.(expand|depthwise|project|non_local)|conv9\.(conv|bn)|out)\.",
    depths={"pptsm_mobilenet_v2": None},
    blocks=lambda depth: tuple(count for _, _, count, _ in STAGES),
    layers=layers,
    block_name=block_name,
    stream_channels=lambda network, stage: STAGES[stage - 1][1],
    features=lambda network: LAST_CHANNELS,
    stage_halvings=(1, 2, 3, 4, 4, 5, 5),
    classifier="out",
    classifier_reads_stream=False,
    can_shift=lambda stage, block: block > 0,
    dropout=0.0,
)
