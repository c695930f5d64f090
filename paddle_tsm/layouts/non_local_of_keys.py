"""Which non-local blocks a file's keys belong to, and which of their options the keys say."""

from __future__ import annotations

from paddle_tsm.layouts.layout import Layout
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.non_local import NonLocalOptions, parse_non_local


def non_local_of_keys(layout: Layout, names: dict[str, str], plain: Network, given: object) -> dict | None:
    """The fields of NonLocalOptions for the file's network; None where it has no non-local block.

    names: key -> canonical name. plain: a network of the file's architecture. given: the options that the caller or the
    record gives, in any form that `create_model` takes; they decide only what no key says.
    Raises ValueError where `given` asks for blocks in a file that has none, or for a mode that has other tensors.
    """
    layers, blocks = layers_and_blocks(names, plain)
    if not blocks:
        if given:
            raise ValueError(f"non_local: got {given!r}, but no key of the file belongs to a non-local block")
        return None
    options = parse_non_local(given, plain.blocks) or NonLocalOptions()
    mode = mode_of_layers(layers, options.mode)
    if mode != options.mode and (isinstance(given, str) or isinstance(given, dict) and "mode" in given):
        raise ValueError(f"non_local: got mode {options.mode!r}, but the keys of the file say {mode!r}")
    sub_sample = layout.sub_sample_of_key(layers["g.weight"]) if "g.weight" in layers else None
    return {
        "mode": mode,
        "blocks": sorted(blocks),
        "sub_sample": options.sub_sample if sub_sample is None else sub_sample,
        "use_scale": options.use_scale,
        "out_bias": "out.bias" in layers,
    }


def layers_and_blocks(names: dict[str, str], plain: Network) -> tuple[dict[str, str], set[tuple[int, int]]]:
    """(a non-local block's tensor, such as "g.weight" -> a key of it, over all blocks; the (stage, block) of each)."""
    places = {plain.family.block_name(s, b): (s, b) for s, count in enumerate(plain.blocks, 1) for b in range(count)}
    layers, blocks = {}, set()
    for key, name in names.items():
        block, _, layer = name.partition(".non_local.")
        if layer and block in places:
            layers[layer] = key
            blocks.add(places[block])
    return layers, blocks


def mode_of_layers(layers: dict[str, str], given: str) -> str:
    """The mode whose tensors a block has. embedded_gaussian and dot_product have the same, so that `given` decides."""
    if "theta.weight" not in layers:
        return "gaussian"
    if "concat.weight" in layers:
        return "concatenation"
    return "embedded_gaussian" if given in ("gaussian", "concatenation") else given
