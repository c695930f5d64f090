"""How MIT's code and mmaction2 name a module that they wrapped, and what such names say of the network.

Both wrap what is shifted in a module called `net`, a stage that pools over time too, and a residual block that a
non-local one follows in a module called `block` (MIT ops/temporal_shift.py, ops/non_local.py 1f6a834; mmaction2
resnet_tsm.py 4d6c934).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from paddle_tsm.networks.layers import Tensor
from paddle_tsm.networks.network import Network


def placeholders(network: Network, tensor: Tensor) -> dict[str, str]:
    """What the keys' templates use for a tensor.

    {stage}     the stage, wrapped when it pools over time                       layer2 | layer2.net
    {block}     the block in it, wrapped when a non-local one follows, and       0 | 0.block | 0.net | 0.block.net
                again when it is shifted whole
    {plain}     the block in it, not wrapped                                     0
    {net}       what the shifted convolution is wrapped in                       '' | net.
    {g} {phi}   a non-local projection, wrapped when a pool follows              g | g.0
    {head}      MIT's classifier, which dropout=0 leaves inside the backbone,    new_fc | base_model.fc
                under the backbone's own name                                    base_model.classifier
    """
    pooled = network.non_local is not None and network.non_local.sub_sample
    values = {
        "g": "g.0" if pooled else "g",
        "phi": "phi.0" if pooled else "phi",
        "head": f"base_model.{network.classifier.partition('.')[0]}" if network.dropout == 0 else "new_fc",
    }
    if tensor.stage is None:
        return values
    stage, block = tensor.stage, tensor.block
    shifted = network.shifts(stage, block)
    whole = shifted and network.shift_place == "block"
    return values | {
        "stage": f"layer{stage}.net" if network.temporal_pool and stage == 2 else f"layer{stage}",
        "block": f"{block}" + ".block" * network.attends(stage, block) + ".net" * whole,
        "plain": str(block),
        "net": "net." if shifted and not whole else "",
    }


def unwrapped(key: str) -> str:
    """The key without what a module is wrapped in, which depends on the network's options."""
    key = re.sub(r"\.(net|block)(?=\.)", "", key)
    key = re.sub(r"\.(g|phi)\.0\.", r".\1.", key)
    return key.replace("base_model.fc.", "new_fc.").replace("base_model.classifier.", "new_fc.")


def options_of_keys(keys: Iterable[str], names: dict[str, str], plain: Network) -> dict:
    """is_shift, shift_place, shift_every and temporal_pool, from where the `net` wrappers are."""
    places = {tensor.name: (tensor.stage, tensor.block) for tensor in plain.tensors()}
    pooled = any(".layer2.net." in key for key in keys)
    first = {
        places[name][1]
        for key, name in names.items()
        if re.search(r"\.(conv1|conv\.0)(\.conv)?\.net\.", key) and name in places
    }
    whole = {
        places[name][1]
        for key, name in names.items()
        if re.search(r"\.layer\d+(\.net)?\.\d+(\.block)?\.net\.", key) and name in places
    }
    if not first and not whole:
        return {"is_shift": False, "temporal_pool": pooled}
    network = plain.with_options(shift_place="block" if whole else "blockres")
    told = max(network.blocks) > 1  # a single block a stage is shifted either way
    every = (1 if 1 in (whole or first) else 2) if told else network.every
    return {
        "is_shift": True,
        "temporal_pool": pooled,
        "shift_place": network.shift_place,
        "shift_every": None if every == network.every else every,
    }
