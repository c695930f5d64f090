"""The names of modules that MIT's code and mmaction2 wrapped in others, and which options such names say.

Both systems keep a shifted module, and a stage behind a temporal pool, in an outer module, under the name `net`. They
keep a residual block that a non-local block follows in an outer module, too, under the name `block`. Source: MIT
ops/temporal_shift.py, ops/non_local.py 1f6a834; mmaction2 resnet_tsm.py 4d6c934.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from paddle_tsm.networks.layers import Tensor
from paddle_tsm.networks.network import Network

WRAPPED_CONVOLUTION = re.compile(r"\.(conv1|conv\.0)(\.conv)?\.net\.")
WRAPPED_BLOCK = re.compile(r"\.layer\d+(\.net)?\.\d+(\.block)?\.net\.")


def placeholders(network: Network, tensor: Tensor) -> dict[str, str]:
    """The values of the placeholders in the templates of a tensor's key.

    {stage}     the stage; wrapped where it stands behind a temporal pool        layer2 | layer2.net
    {block}     the block in its stage; wrapped where a non-local block          0 | 0.block | 0.net | 0.block.net
                follows, and again where the whole block is shifted
    {plain}     the block in its stage, never wrapped                            0
    {net}       the wrapper of a shifted convolution                             '' | net.
    {g} {phi}   a non-local projection; wrapped where a pool follows             g | g.0
    {head}      MIT's classifier; without dropout it stays in the backbone,      new_fc | base_model.fc |
                under the backbone's own name                                    base_model.classifier
    """
    pooled = network.non_local is not None and network.non_local.sub_sample
    values = {
        "g": "g.0" if pooled else "g",
        "phi": "phi.0" if pooled else "phi",
        "head": f"base_model.{network.classifier.partition('.')[0]}" if network.dropout == 0 else "new_fc",
    }
    stage, block = tensor.stage, tensor.block
    if stage is None or block is None:
        return values
    shifted = network.shifts(stage, block)
    whole = shifted and network.shift_place == "block"
    return values | {
        "stage": f"layer{stage}.net" if network.temporal_pool and stage == 2 else f"layer{stage}",
        "block": f"{block}" + ".block" * network.attends(stage, block) + ".net" * whole,
        "plain": str(block),
        "net": "net." if shifted and not whole else "",
    }


def unwrapped(key: str) -> str:
    """The key without the names of wrapped modules, which depend on the network's options."""
    key = re.sub(r"\.(net|block)(?=\.)", "", key)
    key = re.sub(r"\.(g|phi)\.0\.", r".\1.", key)
    return key.replace("base_model.fc.", "new_fc.").replace("base_model.classifier.", "new_fc.")


def options_of_keys(keys: Iterable[str], names: dict[str, str], plain: Network) -> dict:
    """is_shift, shift_place, shift_every and temporal_pool, from the places of `net` in the keys.

    names: key -> canonical name. plain: a network of the file's architecture.
    """
    block_of = {tensor.name: tensor.block for tensor in plain.tensors()}
    pooled = any(".layer2.net." in key for key in keys)

    def blocks_with(wrapper: re.Pattern) -> set[int | None]:
        """The blocks, by their number within a stage, that have a key with this wrapper."""
        return {block_of[name] for key, name in names.items() if wrapper.search(key) and name in block_of}

    whole = blocks_with(WRAPPED_BLOCK)
    shifting = whole or blocks_with(WRAPPED_CONVOLUTION)
    if not shifting:
        return {"is_shift": False, "temporal_pool": pooled}
    network = plain.with_options(shift_place="block" if whole else "blockres")
    if max(network.blocks) > 1:
        every = 1 if 1 in shifting else 2
    else:
        every = network.every  # block 0 shifts in any case, and there is no other
    return {
        "is_shift": True,
        "temporal_pool": pooled,
        "shift_place": network.shift_place,
        "shift_every": None if every == network.every else every,
    }


def sub_sample_of_key(key: str) -> bool:
    """Whether non-local blocks sub-sample, from the key of a g weight: a pool then stands in one sequence with g."""
    return ".g.0." in key
