"""PP-TSM on MobileNetV3-large of width 1 (arXiv:1905.02244, table 1; PaddleVideo backbones/pptsm_mv3.py ed245e9).

PaddleVideo counts the blocks of all stages together. A stage here is a run of blocks of one width. "head" is the last
convolution of the table that sees positions, and "widen" the one behind the mean of each frame, without a BatchNorm.
"""

from __future__ import annotations

from collections.abc import Iterator

from paddle_tsm.networks.family import Family, Options
from paddle_tsm.networks.inverted_residual import InvertedResidual
from paddle_tsm.networks.layers import Convolution, Layer, Place

STEM_CHANNELS, HEAD_CHANNELS, LAST_CHANNELS = 16, 960, 1280
ACTIVATION = "hardswish"  # of the layers outside the blocks, too
# Each row is a stage: channels, kernel, activation, stride of the first block; then of each block its widest channels
# and whether it has squeeze and excitation.
STAGES = (
    (16, 3, "relu", 1, ((16, False),)),
    (24, 3, "relu", 2, ((64, False), (72, False))),
    (40, 5, "relu", 2, ((72, True), (120, True), (120, True))),
    (80, 3, ACTIVATION, 2, ((240, False), (200, False), (184, False), (184, False))),
    (112, 3, ACTIVATION, 1, ((480, True), (672, True))),
    (160, 5, ACTIVATION, 2, ((672, True), (960, True), (960, True))),
)
SQUEEZED = 4  # squeeze and excitation has so many times fewer channels between its layers


def block_name(stage: int, block: int) -> str:
    return f"blocks.{sum(len(row[-1]) for row in STAGES[: stage - 1]) + block}"


def can_shift(stage: int, block: int) -> bool:
    """The blocks that keep the shape of their input: all but the first of each stage, and the very first one."""
    return stage == 1 or block > 0


def blocks() -> Iterator[InvertedResidual]:
    """The blocks of all stages, in forward order."""
    channels = STEM_CHANNELS
    for stage, (out_channels, kernel, activation, first_stride, members) in enumerate(STAGES, 1):
        for block, (wide, squeezes) in enumerate(members):
            yield InvertedResidual(
                block_name(stage, block),
                stage,
                block,
                channels,
                wide,
                out_channels,
                kernel,
                stride=first_stride if block == 0 else 1,
                activation=activation,
                squeezed=wide // SQUEEZED if squeezes else None,
            )
            channels = out_channels


def layers(network: Options) -> Iterator[Layer]:
    """The first convolution, the blocks, and the two convolutions behind them."""
    stem, act = Place("stem", 1), ACTIVATION
    yield Convolution(
        "conv.conv", stem, STEM_CHANNELS, network.in_channels, (3, 3), "conv.bn", stride=2, activation=act, writes=True
    )
    halvings = 1
    for block in blocks():
        yield from block.layers(halvings)
        halvings += block.stride == 2
    last_stream = STAGES[-1][0]
    yield Convolution(
        "head.conv", Place("end", halvings), HEAD_CHANNELS, last_stream, (1, 1), "head.bn", activation=act, reads=True
    )
    yield Convolution("widen", Place("end", None), LAST_CHANNELS, HEAD_CHANNELS, (1, 1), activation=act)


PPTSM_MOBILENET_V3 = Family(
    name="pptsm_mobilenet_v3",
    model="pptsm_mobilenet_v3.PPTSMMobileNetV3",
    signature=r"(conv\.(conv|bn)|blocks\.\d+\.(expand|depthwise|se|project|non_local)|head\.(conv|bn)|widen)\."
    r"|classifier\.(weight|bias)",
    depths={"pptsm_mobilenet_v3": None},
    blocks=lambda depth: tuple(len(row[-1]) for row in STAGES),
    layers=layers,
    block_name=block_name,
    stream_channels=lambda network, stage: STAGES[stage - 1][0],
    features=lambda network: LAST_CHANNELS,
    stage_halvings=(1, 2, 3, 4, 4, 5),
    classifier="classifier",
    classifier_reads_stream=False,
    can_shift=can_shift,
    dropout=0.2,
    scales_at_inference=True,
)
