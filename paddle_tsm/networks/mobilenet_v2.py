"""MobileNetV2 of width 1 (Sandler et al., arXiv:1801.04381, table 2). Names are torchvision's (models/mobilenetv2.py).

Only the blocks with a shortcut shift, which are all but the first of each stage (MIT ops/models.py 1f6a834
`_prepare_base_model`; mmaction2 mobilenet_v2_tsm.py 4d6c934).
"""

from __future__ import annotations

from collections.abc import Iterator

from paddle_tsm.networks.family import Family, Options
from paddle_tsm.networks.layers import Convolution, Layer, Place

# expansion, channels, blocks, stride of the first block: one row a stage
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
STEM_CHANNELS, LAST_CHANNELS = 32, 1280
LAST_STREAM = STAGES[-1][1]


def block_name(stage: int, block: int) -> str:
    return f"features.{sum(count for _, _, count, _ in STAGES[: stage - 1]) + block + 1}"


def layers(network: Options) -> Iterator[Layer]:
    """Stem, inverted residual blocks, last convolution. Nothing shifts before the first block's projection, so that the
    stem's output is no stream."""
    place = Place("stem", halvings=1)
    yield Convolution("features.0.0", place, STEM_CHANNELS, 3, (3, 3), "features.0.1", stride=2, activation="relu6")
    in_channels, halvings = STEM_CHANNELS, 1
    for stage, (expand, out_channels, count, first_stride) in enumerate(STAGES, 1):
        for block in range(count):
            name, stride = f"{block_name(stage, block)}.conv", first_stride if block == 0 else 1
            hidden, layer = in_channels * expand, 0
            if expand != 1:
                place = Place("branch", halvings, stage, block)
                yield Convolution(
                    f"{name}.0.0", place, hidden, in_channels, (1, 1), f"{name}.0.1", activation="relu6", reads=True
                )
                layer = 1
            halvings += stride == 2
            place = Place("branch", halvings, stage, block)
            yield Convolution(
                f"{name}.{layer}.0", place, hidden, hidden, (3, 3), f"{name}.{layer}.1",
                stride=stride, groups=hidden, activation="relu6",
            )  # fmt: skip
            yield Convolution(
                f"{name}.{layer + 1}", place, out_channels, hidden, (1, 1), f"{name}.{layer + 2}", writes=True
            )
            in_channels = out_channels
    place = Place("end", halvings)
    yield Convolution(
        "features.18.0", place, LAST_CHANNELS, LAST_STREAM, (1, 1), "features.18.1", activation="relu6", reads=True
    )


MOBILENET_V2 = Family(
    name="mobilenet_v2",
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
