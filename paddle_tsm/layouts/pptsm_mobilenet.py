"""The keys of PaddleVideo's PP-TSM checkpoints on MobileNets (backbones/pptsm_mv2.py, pptsm_mv3.py ed245e9).

PaddleVideo names the convolutions of a block after what they do, and one layer holds each with its BatchNorm.
"""

from __future__ import annotations

from paddle_tsm.layouts.key_row import KeyRow

CONVOLUTIONS = {"expand": "expand_conv", "depthwise": "bottleneck_conv", "project": "linear_conv"}


def convolution(name: str, key: str, conv: str = "conv", norm: str = "bn") -> tuple[KeyRow, KeyRow]:
    """The rows of a convolution and its BatchNorm. conv, norm: what PaddleVideo calls them within their layer."""
    return (
        KeyRow(f"{name}.conv.weight", f"backbone.{key}.{conv}.weight"),
        KeyRow(f"{name}.bn.{{p}}", f"backbone.{key}.{norm}.{{q}}"),
    )


MOBILENET_V2_ROWS = (
    *convolution("first", "conv1", "_conv", "_batch_norm"),
    *(
        row
        for ours, theirs in CONVOLUTIONS.items()
        for row in convolution(f"conv{{s}}.{{b}}.{ours}", f"conv{{s}}.{{member}}._{theirs}", "_conv", "_batch_norm")
    ),
    *convolution("conv9", "conv9", "_conv", "_batch_norm"),
    KeyRow("out.{p}", "backbone.out.{p}"),
)
TABLES = {"pptsm_mobilenet_v2": MOBILENET_V2_ROWS}
MOBILENET_V3_ROWS = (
    *convolution("conv", "conv"),
    *(
        row
        for ours, theirs in CONVOLUTIONS.items()
        for row in convolution(f"blocks.{{i}}.{ours}", f"blocks.{{i}}.{theirs}")
    ),
    KeyRow("blocks.{i}.se.fc{k}.{p}", "backbone.blocks.{i}.mid_se.conv{k}.{p}"),
    *convolution("head", "last_second_conv"),
    KeyRow("widen.weight", "backbone.last_conv.weight"),
    KeyRow("classifier.{p}", "backbone.fc.{p}"),
)
TABLES = {"pptsm_mobilenet_v2": MOBILENET_V2_ROWS, "pptsm_mobilenet_v3": MOBILENET_V3_ROWS}
SIGNATURE = "|".join(
    (
        r"backbone\.(conv1|conv[2-8]\.(_first_block|conv\d_\d)\._\w+_conv|conv9)\._",
        r"backbone\.(conv\.(conv|bn)|blocks\.\d+\.(\w+_conv|mid_se)|last_second_conv)\.",
        r"backbone\.(out|last_conv|fc)\.",
    )
)


def member(stage: int, block: int) -> str:
    """PaddleVideo's name of a block within its stage: the first one, then conv3_2, conv3_3, ..., counted from 1."""
    return "_first_block" if block == 0 else f"conv{stage + 1}_{block + 1}"
