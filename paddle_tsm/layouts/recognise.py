"""Which layout a set of keys has and which network it belongs to: read off the keys and shapes, never guessed.

What the keys cannot say (num_segments, shift_div, shift_order, the mode of a non-local block; in a layout that never
wraps, the shift itself) comes from the caller, or is the system's own.
"""

from __future__ import annotations

import re
from functools import cache

from paddle_tsm.layouts.key_table import KeyEntry, expand, is_step_counter, keys_of
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks.families import ARCHITECTURES
from paddle_tsm.networks.family import Family
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.non_local import NonLocalOptions, parse_non_local
from paddle_tsm.networks.option_checks import must_be_one_of

# A file that shares less than this with every known network is of another architecture. One tensor more or less
# changes the share by less than 1 %; the nearest two depths, 34 and 50, share about half of their names.
LEAST_SHARE = 0.8


@cache
def known_names(layout: Layout, family: Family) -> dict[str, str]:
    """unwrapped key -> canonical name, for every tensor of a family of networks that the layout has a key for."""
    names = {}
    for arch in family.depths:
        blocks = [(s, b) for s, count in enumerate(Network(arch).blocks, 1) for b in range(count)]
        everywhere = {"mode": "concatenation", "blocks": blocks, "out_bias": True}
        network = Network(arch, non_local=everywhere, is_shift=False)
        names |= {layout.unwrapped(key): tensor.name for tensor, keys in keys_of(layout, network) for key in keys}
    return names


def canonical_names(layout: Layout, keys) -> dict[str, str]:
    """key -> canonical name for each key that the layout knows, in the family of which it knows most; the others are
    left out. (The families share keys: mmaction2's stem and classifier.)
    """
    plain = {key: layout.unwrapped(key) for key in keys}
    found = []
    for family in layout.families():
        known = known_names(layout, family)
        found.append({key: known[name] for key, name in plain.items() if name in known})
    return max(found, key=len)


def find_layout(keys) -> Layout:
    """The layout that most of `keys` look like. Raises ValueError where half of them look like none."""
    keys = list(keys)
    counts = {name: sum(bool(re.match(layout.signature, key)) for key in keys) for name, layout in LAYOUTS.items()}
    best = max(counts, key=counts.get)
    if counts[best] * 2 < len(keys):
        raise ValueError(
            f"layout not recognised: the keys begin {', '.join(keys[:3])}; wanted one of {', '.join(LAYOUTS)}; "
            "is this a TSM checkpoint?"
        )
    return LAYOUTS[best]


def recognise_network(layout: Layout, shapes: dict[str, tuple[int, ...]], **options) -> Network:
    """The network whose tensors have these keys and shapes; `options` give what keys cannot say.

    Raises ValueError where no known architecture comes near, or an option contradicts what the keys say.
    """
    names = canonical_names(layout, shapes)
    arch = nearest_architecture(layout, set(names.values()))
    given = {name: value for name, value in options.items() if value is not None}
    must_be_one_of("arch", given.pop("arch", arch), (arch,))
    seen = {"num_classes": class_count(layout, names, shapes)}
    seen |= layout.options_of_keys(shapes, names, Network(arch))
    for name, value in seen.items():
        if name in given and given[name] != value and not (name == "shift_every" and value is None):
            raise ValueError(f"{name}: got {given[name]!r}, but the keys of the file say {value!r}")
    assumed = layout.assumed_options(given.get("num_segments", Network.num_segments)) | layout.naming_options(shapes)
    given["non_local"] = seen_non_local(names, Network(arch), given.get("non_local"))
    network = Network(arch).with_options(**(assumed | given | seen))
    usual = network.with_options(shift_every=None)
    return usual if usual.every == network.every else network


def nearest_architecture(layout: Layout, names: set[str]) -> str:
    """The architecture that shares the largest part of its canonical names with `names`, non-local blocks aside."""
    names = {name for name in names if ".non_local." not in name and not is_step_counter(name)}
    shares = {}
    for arch in (arch for family in layout.families() for arch in family.depths):
        expected = {name for name in Network(arch).shapes() if not is_step_counter(name)}
        shares[arch] = len(names & expected) / len(names | expected)
    best = max(shares, key=shares.get)
    if shares[best] < LEAST_SHARE:
        raise ValueError(
            f"another architecture: {best} comes nearest and shares {shares[best]:.0%} of the {layout.name} keys; "
            f"wanted one of {', '.join(ARCHITECTURES)}"
        )
    return best


def class_count(layout: Layout, names: dict[str, str], shapes) -> int:
    """Classes of the classifier, from the bias, which has one axis whatever the orientation of the weight."""
    biases = {f"{family.classifier}.bias" for family in layout.families()}
    for key, name in names.items():
        if name in biases and len(shapes[key]) == 1:
            return shapes[key][0]
    raise ValueError(f"{layout.name}: no classifier found; wanted a key for its bias, of shape [classes]")


def seen_non_local(names: dict[str, str], plain: Network, given) -> dict | None:
    """The non-local blocks that the keys show, with what they do not show from `given`.

    names: key -> canonical name. Raises ValueError where `given` speaks of blocks that are not there, or of a mode that
    has other tensors.
    """
    places = {plain.family.block_name(s, b): (s, b) for s, count in enumerate(plain.blocks, 1) for b in range(count)}
    layers, blocks = {}, set()  # of all blocks: layer's tensor -> key
    for key, name in names.items():
        block, _, layer = name.partition(".non_local.")
        if layer and block in places:
            layers[layer] = key
            blocks.add(places[block])
    if not blocks:
        if given:
            raise ValueError(f"non_local: got {given!r}, but no key of the file belongs to a non-local block")
        return None
    options = parse_non_local(given, plain.blocks) or NonLocalOptions()
    mode = options.mode
    if "theta.weight" not in layers:
        mode = "gaussian"
    elif "concat.weight" in layers:
        mode = "concatenation"
    elif mode in ("gaussian", "concatenation"):
        mode = "embedded_gaussian"  # dot_product has the same tensors
    if mode != options.mode and (isinstance(given, str) or isinstance(given, dict) and "mode" in given):
        raise ValueError(f"non_local: got mode {options.mode!r}, but the keys of the file say {mode!r}")
    g = layers.get("g.weight", "")
    wraps = ".non_local_block." in g or ".nl." in g
    return {
        "mode": mode,
        "blocks": sorted(blocks),
        "sub_sample": ".g.0." in g if wraps else options.sub_sample,
        "use_scale": options.use_scale,
        "out_bias": "out.bias" in layers,
    }


def check_keys(
    layout: Layout, network: Network, shapes: dict[str, tuple[int, ...]], transposed: bool
) -> list[KeyEntry]:
    """The entries of `network` in this layout, when keys and shapes are exactly the file's.

    Raises ValueError naming the first keys that are missing, unexpected or misshapen.
    """
    entries = expand(layout, network, transposed)
    if not any(is_step_counter(key) for key in shapes):
        # PyTorch wrote none before 0.4.1, Paddle never does; a file has all of them or none
        entries = [entry for entry in entries if not is_step_counter(entry.key)]
    expected = {entry.key: entry.shape for entry in entries}
    problems = []
    for kind, keys in (("missing", expected.keys() - shapes.keys()), ("unexpected", shapes.keys() - expected.keys())):
        if keys:
            shown = sorted(keys)[:3]
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            problems.append(f"{len(keys)} {kind}: {', '.join(shown)}{more}")
    if problems:
        raise ValueError(f"not the keys of a {network.arch} in the {layout.name} layout: {'; '.join(problems)}")
    for key, shape in expected.items():
        if tuple(shapes[key]) != shape:
            raise ValueError(
                f"{key}: expected {list(shape)}, found {list(shapes[key])}; "
                f"is this a {network.arch} in the {layout.name} layout?"
            )
    return entries
