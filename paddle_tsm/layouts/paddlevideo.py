"""PaddleVideo's TSM checkpoints (backbones/resnet_tsm.py ed245e9)."""

from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.layouts.layout import Layout, Limit
from paddle_tsm.layouts.limits import NO_CAFFE_STYLE, NO_CAUSAL_SHIFT, NO_FLOW, NO_GROUPS, NO_NON_LOCAL, NO_POOL
from paddle_tsm.networks.layers import Tensor
from paddle_tsm.networks.network import Network


def paddlevideo_blocks(block: str) -> tuple[KeyRow, ...]:
    """The rows of all blocks. PaddleVideo counts convolutions from 0, and one layer holds each with its BatchNorm."""
    convolutions = tuple(
        row
        for k in (1, 2, 3)
        for row in (
            KeyRow(f"layer{{s}}.{{b}}.conv{k}.weight", f"backbone.{block}.conv{k - 1}._conv.weight"),
            KeyRow(f"layer{{s}}.{{b}}.bn{k}.{{p}}", f"backbone.{block}.conv{k - 1}._batch_norm.{{q}}"),
        )
    )
    return convolutions + (
        KeyRow("layer{s}.{b}.downsample.0.weight", f"backbone.{block}.short._conv.weight"),
        KeyRow("layer{s}.{b}.downsample.1.{p}", f"backbone.{block}.short._batch_norm.{{q}}"),
        KeyRow("fc.{p}", "head.fc.{p}"),
    )


def block_letter(network: Network, stage: int, block: int) -> str:
    """PaddleVideo's letter for a block: a, b, c, ...; in the third stage of the deepest two networks a, b1, b2, ..."""
    if network.depth in (101, 152) and stage == 3:
        return "a" if block == 0 else f"b{block}"
    return chr(ord("a") + block)


def placeholders(network: Network, tensor: Tensor) -> dict[str, str]:
    """{res}: the name of the block, such as res2a, res4b22 or res5c."""
    if tensor.stage is None or tensor.block is None:
        return {}
    return {"res": f"res{tensor.stage + 1}{block_letter(network, tensor.stage, tensor.block)}"}


LIMITS = (
    NO_FLOW,
    NO_CAFFE_STYLE,
    Limit("always shifts", lambda n: not n.is_shift),
    NO_CAUSAL_SHIFT,
    NO_GROUPS,
    Limit("shifts inside the residual branch only", lambda n: n.shift_place == "block"),
    Limit("shifts every block", lambda n: n.every != 1),
    Limit(
        "shifts 1 / num_segments of the channels, 1 / {n.num_segments} here, and this network 1 / {n.shift_div}; "
        "if it was trained with 1 / {n.num_segments}, say --shift-div {n.num_segments} (shift_div={n.num_segments})",
        lambda n: n.shift_div != n.num_segments,
    ),
    NO_POOL,
    NO_NON_LOCAL,
)

PADDLEVIDEO = Layout(
    name="paddlevideo",
    signature=r"backbone\.(conv\._|res\d)|head\.fc\.",
    tables={
        "resnet": (
            KeyRow("conv1.weight", "backbone.conv._conv.weight"),
            KeyRow("bn1.{p}", "backbone.conv._batch_norm.{q}"),
            *paddlevideo_blocks("{res}"),
        )
    },
    limits=(
        Limit("has ResNet-TSM from 50 layers on (18 and 34 crash)", lambda n: not n.family.bottleneck(n.depth)),
        *LIMITS,
    ),
    preset="paddlevideo",
    shift_order="past_first",
    linear_transposed=True,
    step_counters=False,
    assumed={"shift_order": "past_first", "shift_every": 1, "shift_div": "num_segments"},
    placeholders=placeholders,
)
