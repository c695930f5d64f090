"""The keys of PaddleVideo's PP-TSMv2 (backbones/pptsm_v2.py ed245e9), which `layouts/pptsm.py` takes into its tables.

`dw_conv` is a convolution and its BatchNorm in the first two stages. In the other two it is the fused convolution,
which every file holds, whether PaddleVideo has fused the branches or not.
"""

from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.networks.pptsm_v2 import ATTENTION

SIGNATURE = r"backbone\.(stem|stages|last_conv|fc|global_attention)\."


def conv_norm(canonical: str, key: str) -> tuple[KeyRow, ...]:
    """The rows of a convolution and of its BatchNorm."""
    return (
        KeyRow(f"{canonical}.conv.weight", f"backbone.{key}.conv.weight"),
        KeyRow(f"{canonical}.bn.{{p}}", f"backbone.{key}.bn.{{q}}"),
    )


ROWS = (
    *conv_norm("stem1", "stem.0"),
    *conv_norm("stem2.dw", "stem.1.dw_conv"),
    *conv_norm("stem2.pw", "stem.1.pw_conv"),
    *conv_norm("stage{s}.{b}.dw", "{unit}.dw_conv"),
    *conv_norm("stage{s}.{b}.dw.branches.{k}", "{unit}.dw_conv_list.{k}"),
    KeyRow("stage{s}.{b}.dw.fused.{p}", "backbone.{unit}.dw_conv.{p}"),
    KeyRow("stage{s}.{b}.se.fc{k}.{p}", "backbone.{unit}.se.conv{k}.{p}"),
    *conv_norm("stage{s}.{b}.pw", "{unit}.pw_conv"),
    *conv_norm("stage{s}.{b}.pw{k}", "{unit}.pw_conv_{k}"),
    KeyRow("last_conv.weight", "backbone.last_conv.weight"),
    KeyRow(f"{ATTENTION}.{{p}}", "backbone.global_attention.fc.{p}"),
    KeyRow("fc.{p}", "backbone.fc.{p}"),
)
