"""PP-TSMv2: PP-LCNetV2 with one shift, and a weight for each frame in front of it (PaddleVideo pptsm_v2.py ed245e9).

Every block is a depthwise convolution and one or two 1x1 convolutions. In the third and fourth stage the depthwise
convolution is re-parameterised: its kernels of 5, 3 and 1 are one kernel of 5 in the fused form. The shift moves the
output of the second stage, and no block adds to what is shifted. The names are our own; stages are counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from paddle_tsm.networks.family import Family, Options
from paddle_tsm.networks.layers import Convolution, Layer, Linear, ParallelConvolution, Place, SqueezeExcitation

STEM_CHANNELS = (32, 64)
# Each row is a stage: channels, blocks, kernel of the depthwise convolutions.
STAGES = ((128, 2, 3), (256, 2, 3), (512, 6, 5), (1024, 2, 5))
PROJECTED = 256  # the channels between the two 1x1 convolutions of a block of the third stage
LAST_CHANNELS = 1280
SQUEEZED = 4  # squeeze and excitation has so many times fewer channels between its layers
ATTENTION = "stage3.0.attention.fc"


def block_name(stage: int, block: int) -> str:
    return f"stage{stage}.{block}"


def shifts(stage: int, block: int) -> bool:
    """Only the first block of the third stage: the shift, and the attention in front of it, stand before that stage."""
    return (stage, block) == (3, 0)


def has_shortcut(stage: int, block: int) -> bool:
    """Only the last block adds its input to its output."""
    return (stage, block) == (4, 1)


def kernels(stage: int, block: int) -> tuple[int, ...]:
    """The kernels of a block's depthwise convolutions, which are added. A kernel of 1 needs the stride 1."""
    size = STAGES[stage - 1][2]
    if size == 3:
        return (3,)
    return (5, 3) if block == 0 else (5, 3, 1)


def blocks_and_inputs() -> Iterator[tuple[int, int, int]]:
    """(stage, block, channels of the block's input) of every block, in forward order."""
    in_channels = STEM_CHANNELS[-1]
    for stage, (channels, count, _) in enumerate(STAGES, 1):
        for block in range(count):
            yield stage, block, in_channels
            in_channels = channels


def layers(network: Options) -> Iterator[Layer]:
    """The stem, the blocks, and the last convolution, which has no BatchNorm and sees each frame's mean."""
    narrow, wide = STEM_CHANNELS
    place = Place("stem", 1)
    yield Convolution("stem1.conv", place, narrow, network.in_channels, (3, 3), "stem1.bn", stride=2, activation="relu")
    yield Convolution("stem2.dw.conv", place, narrow, narrow, (3, 3), "stem2.dw.bn", groups=narrow, activation="relu")
    yield Convolution("stem2.pw.conv", place, wide, narrow, (1, 1), "stem2.pw.bn", activation="relu")
    for stage, block, in_channels in blocks_and_inputs():
        yield from block_layers(network, stage, block, in_channels)
    yield Convolution("last_conv", Place("end", None), LAST_CHANNELS, STAGES[-1][0], (1, 1), activation="relu")


def block_layers(network: Options, stage: int, block: int, in_channels: int) -> Iterator[Layer]:
    """The layers of one block. The first block of each stage has the stride 2.

    The stream that the shift moves is the output of the second stage. The depthwise convolution behind the shift, and
    squeeze and excitation, keep its channels apart, so that they read it and write it, too.
    """
    name, out_channels, place = block_name(stage, block), STAGES[stage - 1][0], Place("branch", stage + 1, stage, block)
    shifted, writes = shifts(stage, block), (stage, block) == (2, STAGES[1][1] - 1)
    if shifted and network.temporal_attention:
        place_of_attention = Place("attention", None, stage, block)
        yield Linear(ATTENTION, place_of_attention, network.num_segments, network.num_segments)
    yield depthwise(network, stage, block, in_channels)
    if stage != 3:
        yield Convolution(
            f"{name}.pw.conv",
            place,
            out_channels,
            in_channels,
            (1, 1),
            f"{name}.pw.bn",
            activation="relu",
            writes=writes,
        )
        return
    yield squeeze_excitation(stage, block, in_channels)
    yield Convolution(
        f"{name}.pw1.conv", place, PROJECTED, in_channels, (1, 1), f"{name}.pw1.bn", activation="relu", reads=shifted
    )
    yield Convolution(f"{name}.pw2.conv", place, out_channels, PROJECTED, (1, 1), f"{name}.pw2.bn", activation="relu")


def depthwise(network: Options, stage: int, block: int, channels: int) -> Convolution | ParallelConvolution:
    """The depthwise convolution of a block, in the form that the network has.

    PaddleVideo's checkpoints always hold the fused convolution, which its program fills in when it exports.
    """
    name, sizes, shifted = f"{block_name(stage, block)}.dw", kernels(stage, block), shifts(stage, block)

    def convolution(layer: str, size: int, norm: str | None, activation: str | None, bias: bool) -> Convolution:
        return Convolution(
            f"{name}.{layer}",
            Place("branch", stage + 1, stage, block),
            channels,
            channels,
            (size, size),
            norm and f"{name}.{norm}",
            stride=2 if block == 0 else 1,
            groups=channels,
            bias=bias,
            activation=activation,
            reads=shifted,
            writes=shifted,
        )

    if len(sizes) == 1:
        return convolution("conv", sizes[0], "bn", "relu", bias=False)
    fused = convolution("fused", max(sizes), None, "relu", bias=True)
    if network.fused:
        return fused
    branches = tuple(
        convolution(f"branches.{k}.conv", size, f"branches.{k}.bn", None, bias=False) for k, size in enumerate(sizes)
    )
    return ParallelConvolution(fused, branches, activation="relu", keeps_fused=True)


def squeeze_excitation(stage: int, block: int, channels: int) -> SqueezeExcitation:
    """The one of a block of the third stage. Its gate is a true sigmoid, although PaddleVideo calls it hardsigmoid."""
    name, place, shifted = f"{block_name(stage, block)}.se", Place("branch", None, stage, block), shifts(stage, block)
    hidden = channels // SQUEEZED
    return SqueezeExcitation(
        Convolution(f"{name}.fc1", place, hidden, channels, (1, 1), bias=True, activation="relu", reads=shifted),
        Convolution(f"{name}.fc2", place, channels, hidden, (1, 1), bias=True, writes=shifted),
        gate="sigmoid",
    )


def refusal(network: Options) -> str | None:
    """Why there is no such network, or None."""
    if network.temporal_pool and network.temporal_attention:
        return "weighs all frames of a clip with temporal_attention, and temporal_pool halves them; wanted one of them"
    return None


PPTSM_V2 = Family(
    name="pptsm_v2",
    model="pptsm_v2.PPTSMv2",
    signature=r"(stem1\.(conv|bn)|stem2\.(dw|pw)\.(conv|bn)|stage\d\.\d\.(dw|se|pw\d?|attention)|last_conv|fc)\.",
    depths={"pptsm_v2": None},
    blocks=lambda depth: tuple(count for _, count, _ in STAGES),
    layers=layers,
    block_name=block_name,
    stream_channels=lambda network, stage: STAGES[stage - 1][0],
    features=lambda network: LAST_CHANNELS,
    stage_halvings=(2, 3, 4, 5),
    classifier_reads_stream=False,
    can_shift=shifts,
    allows_non_local=False,
    variants=tuple(
        {"temporal_attention": attention, "fused": fused} for fused in (False, True) for attention in (False, True)
    ),
    segments_tensor=f"{ATTENTION}.bias",
    other_linear=(ATTENTION,),
    dropout=0.2,
    scales_at_inference=True,
    refusal=refusal,
)
