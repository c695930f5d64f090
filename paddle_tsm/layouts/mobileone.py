"""MobileOne's keys in the systems of OpenMMLab, and what their names say of the options.

Source: mmpretrain 1.2.0 backbones/mobileone.py, models/utils/se_layer.py; mmaction2 backbones/mobileone_tsm.py 4d6c934.
"""

from __future__ import annotations

from collections.abc import Iterable

from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.layouts.layout import Limit
from paddle_tsm.networks.layers import Tensor
from paddle_tsm.networks.mobileone import MOBILEONE, is_pointwise
from paddle_tsm.networks.network import Network

# of every block's modules, below the block itself
MODULES = r"(branch_norm|branch_scale|branch_conv_list|branch_reparam|se\.conv[12])\."
BACKBONE = (
    KeyRow("stage{s}.{b}.identity.{p}", "backbone.{at}.branch_norm.{p}"),
    KeyRow("stage{s}.{b}.branches.{k}.conv.weight", "backbone.{at}.{branch}.conv.weight"),
    KeyRow("stage{s}.{b}.branches.{k}.bn.{p}", "backbone.{at}.{branch}.norm.{p}"),
    KeyRow("stage{s}.{b}.fused.{p}", "backbone.{at}.branch_reparam.{p}"),
    KeyRow("stage{s}.{b}.se.fc{k}.{p}", "backbone.{at}.se.conv{k}.conv.{p}"),
)
NO_POOL = Limit("has MobileOne without a temporal pool", lambda n: n.family is MOBILEONE and n.temporal_pool)


def placeholders(network: Network, tensor: Tensor) -> dict[str, str]:
    """The values of the placeholders in `BACKBONE`.

    {at}      the block; stage 0 is one block, without a number; wrapped     stage0.net | stage2.5.net | stage2.5
              where it shifts
    {branch}  the branch; the 1x1 branch beside those of a larger kernel     branch_scale | branch_conv_list.0
              has its own name, and is the first one here
    """
    if network.family is not MOBILEONE or tensor.stage is None or tensor.block is None:
        return {}
    at = f"stage{tensor.stage - 1}" + f".{tensor.block}" * (tensor.stage > 1)
    values = {"at": at + ".net" * network.shifts(tensor.stage, tensor.block)}
    _, found, rest = tensor.name.partition(".branches.")
    if found:
        number = int(rest.partition(".")[0])
        scaled = not is_pointwise(tensor.stage, tensor.block)
        values["branch"] = "branch_scale" if scaled and number == 0 else f"branch_conv_list.{number - scaled}"
    return values


def options_of_keys(keys: Iterable[str], names: dict[str, str], plain: Network) -> dict:
    """is_shift, shift_every and temporal_pool, from the blocks that are wrapped as `net`. The arguments are those of
    `Layout.options_of_keys`.
    """
    block_of = {tensor.name: tensor.block for tensor in plain.tensors()}
    shifting = {block_of.get(name) for key, name in names.items() if ".net." in key}
    if not shifting:
        return {"is_shift": False, "temporal_pool": False}
    return {"is_shift": True, "temporal_pool": False, "shift_every": None if 1 in shifting else 2}
