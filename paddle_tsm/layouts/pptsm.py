"""PaddleVideo's PP-TSM checkpoints (backbones/resnet_tweaks_tsm.py ed245e9)."""

from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.paddlevideo import LIMITS, paddlevideo_blocks
from paddle_tsm.networks.layers import Tensor
from paddle_tsm.networks.network import Network


def placeholders(network: Network, tensor: Tensor) -> dict[str, str]:
    """{bb}: the name of the block, such as bb_0_0 or bb_3_2. Stages and blocks are counted from 0."""
    return {} if tensor.stage is None else {"bb": f"bb_{tensor.stage - 1}_{tensor.block}"}


PPTSM = Layout(
    name="pptsm",
    signature=r"backbone\.(conv1_\d|bb_\d)|head\.fc\.",
    tables={
        "resnet_vd": (
            KeyRow("conv1_{i}.weight", "backbone.conv1_{i}._conv.weight"),
            KeyRow("bn1_{i}.{p}", "backbone.conv1_{i}._batch_norm.{q}"),
            *paddlevideo_blocks("{bb}"),
        )
    },
    limits=LIMITS,
    usual_architecture="pptsm_resnet50",
    preset="pptsm",
    shift_order="past_first",
    linear_transposed=True,
    step_counters=False,
    assumed={"shift_order": "past_first", "shift_div": "num_segments"},
    placeholders=placeholders,
)
