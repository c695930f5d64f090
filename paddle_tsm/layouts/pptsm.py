"""PaddleVideo's PP-TSM checkpoints (backbones/resnet_tweaks_tsm.py, pptsm_mv2.py, pptsm_mv3.py ed245e9)."""

from paddle_tsm.layouts import pptsm_mobilenet, pptsm_v2
from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.limits import KEEPS_BRANCHES
from paddle_tsm.layouts.paddlevideo import LIMITS, paddlevideo_blocks
from paddle_tsm.networks.layers import Tensor
from paddle_tsm.networks.network import Network


def placeholders(network: Network, tensor: Tensor) -> dict[str, str]:
    """{bb}, {unit}: the name of a block of ResNet-vd or of PP-TSMv2, such as bb_3_2 or stages.3.1. Stages and blocks
    are counted from 0. {member}: the name of a MobileNetV2's block within its stage, such as _first_block or conv3_2.
    """
    if tensor.stage is None or tensor.block is None:
        return {}
    place = tensor.stage - 1, tensor.block
    return {
        "bb": "bb_{}_{}".format(*place),
        "unit": "stages.{}.{}".format(*place),
        "member": pptsm_mobilenet.member(tensor.stage, tensor.block),
    }


PPTSM = Layout(
    name="pptsm",
    signature=rf"backbone\.(conv1_\d|bb_\d)|head\.fc\.|{pptsm_v2.SIGNATURE}|{pptsm_mobilenet.SIGNATURE}",
    tables={
        "resnet_vd": (
            KeyRow("conv1_{i}.weight", "backbone.conv1_{i}._conv.weight"),
            KeyRow("bn1_{i}.{p}", "backbone.conv1_{i}._batch_norm.{q}"),
            *paddlevideo_blocks("{bb}"),
        ),
        "pptsm_v2": pptsm_v2.ROWS,
        **pptsm_mobilenet.TABLES,
    },
    limits=(KEEPS_BRANCHES, *LIMITS),
    usual_architecture="pptsm_resnet50",
    preset="pptsm",
    front="backbone.",
    parts=("backbone", "head"),
    shift_order="past_first",
    linear_transposed=True,
    step_counters=False,
    assumed={"shift_order": "past_first", "shift_div": "num_segments"},
    placeholders=placeholders,
)
