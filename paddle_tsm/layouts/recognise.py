"""Which layout a file's keys have, and which network they belong to. It is read off keys and shapes, never guessed.

Some options no key says: num_segments, shift_div, shift_order, the mode of some non-local blocks, and, in a layout that
does not wrap what is shifted, the shift itself. They come from the caller, the record, or the layout's own system.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from paddle_tsm.layouts.key_table import KeyEntry, expand, is_step_counter, keys_of
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.non_local_of_keys import non_local_of_keys
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks.families import ARCHITECTURES
from paddle_tsm.networks.family import Family
from paddle_tsm.networks.network import Network

# A file that shares a smaller part of its names with every known network is of another architecture. One tensor more or
# less changes the share by less than 1 %, and the two nearest depths, 34 and 50, share about half of their names.
LEAST_SHARE = 0.8


@cache
def known_names(layout: Layout, family: Family, with_non_local: bool) -> dict[str, str]:
    """unwrapped key -> canonical name, for every tensor of a family that the layout has a key for.

    with_non_local: whether the tensors of non-local blocks are among them, which are more than all others together.
    """
    names: dict[str, str] = {}
    for network in networks_of(family):
        network = network.with_options(is_shift=False)
        if with_non_local and family.allows_non_local:
            blocks = [(s, b) for s, count in enumerate(network.blocks, 1) for b in range(count)]
            everywhere = {"mode": "concatenation", "blocks": blocks, "out_bias": True}
            network = network.with_options(non_local=everywhere)
        names |= {layout.unwrapped(key): tensor.name for tensor, keys in keys_of(layout, network) for key in keys}
    return names


def networks_of(family: Family) -> list[Network]:
    """Each network of a family, in each of the variants that differ in their tensors."""
    return [Network(arch, **variant) for arch in family.depths for variant in family.variants]


def canonical_names(layout: Layout, keys: Iterable[str]) -> dict[str, str]:
    """key -> canonical name, without the keys that the layout does not know.

    Families share keys, such as those of mmaction2's stem and classifier, so the names are those of the one family that
    knows most of the keys.
    """
    unwrapped = {key: layout.unwrapped(key) for key in keys}
    best: dict[str, str] = {}
    for with_non_local in (False, True):
        for family in layout.families():
            known = known_names(layout, family, with_non_local)
            best = max(best, {key: known[name] for key, name in unwrapped.items() if name in known}, key=len)
            if len(best) == len(unwrapped):
                return best
    return best


def find_layout(keys: Iterable[str]) -> Layout:
    """The layout that most of `keys` look like. Raises ValueError where less than half of them look like one layout."""
    keys = list(keys)
    counts = {name: sum(bool(re.match(layout.signature, key)) for key in keys) for name, layout in LAYOUTS.items()}
    best = max(counts, key=lambda name: counts[name])
    if counts[best] * 2 < len(keys):
        raise ValueError(
            f"layout not recognised: the keys begin {', '.join(keys[:3])}; wanted one of {', '.join(LAYOUTS)}; "
            "is this a TSM checkpoint?"
        )
    return LAYOUTS[best]


def recognise_network(layout: Layout, shapes: Mapping[str, tuple[int, ...]], **options: Any) -> Network:
    """The network whose tensors have these keys and shapes. options: those that no key says.

    Raises ValueError where no known architecture comes near, or where an option contradicts what the keys say.
    """
    names = canonical_names(layout, shapes)
    plain = nearest_plain_network(layout, {name: tuple(shapes[key]) for key, name in names.items()})
    given = {name: value for name, value in options.items() if value is not None}
    said: dict[str, Any] = {"arch": plain.arch, "num_classes": class_count(layout, names, shapes)}
    said |= options_of_tensors(plain, names, shapes) | layout.options_of_keys(shapes, names, plain)
    for name, value in said.items():
        # a shift_every of None is said of a network in which 1 and 2 are one network
        if name in given and given[name] != value and not (name == "shift_every" and value is None):
            raise ValueError(f"{name}: got {given[name]!r}, but the keys of the file say {value!r}")
    del said["arch"]
    given.pop("arch", None)
    frames = said.get("num_segments", given.get("num_segments", Network.num_segments))
    assumed = layout.assumed_options(frames) | layout.naming_options(shapes)
    given["non_local"] = non_local_of_keys(layout, names, plain, given.get("non_local"))
    network = plain.with_options(**(assumed | given | said))
    usual = network.with_options(shift_every=None)
    return usual if usual.every == network.every else network


def nearest_plain_network(layout: Layout, shapes: Mapping[str, tuple[int, ...]]) -> Network:
    """The network that shares the largest part of its canonical names with `shapes`; non-local blocks aside.

    shapes: canonical name -> shape. Raises ValueError where that part is too small.
    """
    shares = network_shares(layout, set(shapes))
    best = nearest_of(shares, shapes)
    if shares[best] < LEAST_SHARE:
        raise ValueError(
            f"another architecture: {best.arch} comes nearest and shares {shares[best]:.0%} of the {layout.name} keys; "
            f"wanted one of {', '.join(ARCHITECTURES)}"
        )
    return best


def most_match(signature: str, names: Collection[str]) -> bool:
    """Whether half of the names or more match the regular expression from their beginning."""
    return 2 * sum(bool(re.match(signature, name)) for name in names) >= len(names)


def network_shares(layout: Layout, names: set[str]) -> dict[Network, float]:
    """network -> the part of its canonical names that it shares with `names`; non-local blocks aside."""
    names = {name for name in names if ".non_local." not in name and not is_step_counter(name)}
    likely = [family for family in layout.families() if most_match(family.signature, names)]
    shares = {}
    for network in (network for family in likely or layout.families() for network in networks_of(family)):
        expected = {name for name in network.shapes() if not is_step_counter(name)}
        shares[network] = len(names & expected) / len(names | expected)
    return shares


def nearest_of(shares: Mapping[Network, float], shapes: Mapping[str, tuple[int, ...]]) -> Network:
    """The network with the largest share. Of several with the same names, which differ in their widths alone, it is the
    one that most tensors have the shapes of, in either orientation. shapes: canonical name -> shape.
    """
    most = max(shares.values())
    nearest = [network for network, share in shares.items() if share == most]
    if len(nearest) == 1:
        return nearest[0]
    sorted_shapes = {name: sorted(shape) for name, shape in shapes.items()}

    def fitting(network: Network) -> int:
        return sum(sorted(shape) == sorted_shapes.get(name) for name, shape in network.shapes().items())

    return max(nearest, key=fitting)


def options_of_tensors(
    plain: Network, names: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Any]:
    """The options that the tensors' names and shapes say in every layout. names: key -> canonical name.

    They are the options of the network's variant, the channels of the input, and the number of frames where a tensor
    has their length.
    """
    said = {name: getattr(plain, name) for variant in plain.family.variants for name in variant}
    first = next(iter(next(plain.layers()).products))
    for key, name in names.items():
        if name == f"{first.name}.weight" and len(shapes[key]) == 4:
            said["in_channels"] = shapes[key][1]
        if name == plain.family.segments_tensor and len(shapes[key]) == 1:
            said["num_segments"] = shapes[key][0]
    return said


def class_count(layout: Layout, names: dict[str, str], shapes: Mapping[str, tuple[int, ...]]) -> int:
    """The number of classes, from the classifier's bias, whose shape does not depend on the weight's orientation."""
    biases = {f"{family.classifier}.bias" for family in layout.families()}
    for key, name in names.items():
        if name in biases and len(shapes[key]) == 1:
            return shapes[key][0]
    raise ValueError(f"{layout.name}: no classifier found; wanted a key for its bias, of shape [classes]")


def check_keys(
    layout: Layout, network: Network, shapes: Mapping[str, tuple[int, ...]], transposed: bool
) -> list[KeyEntry]:
    """The entries of `network` in this layout, if the keys and shapes of the file are exactly theirs.

    transposed: whether Linear weights are stored [in, out]. Raises ValueError, which names the first keys that are
    missing, unexpected or misshapen.
    """
    entries = expand(layout, network, transposed)
    if not any(is_step_counter(key) for key in shapes):
        # A file has all step counters or none: PyTorch wrote none before 0.4.1, and Paddle never writes any.
        entries = [entry for entry in entries if not is_step_counter(entry.key)]
    expected = {entry.key: entry.shape for entry in entries}
    problems = []
    for kind, keys in (("missing", expected.keys() - shapes.keys()), ("unexpected", shapes.keys() - expected.keys())):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            problems.append(f"{len(keys)} {kind}: {', '.join(sorted(keys)[:3])}{more}")
    if problems:
        raise ValueError(f"not the keys of a {network.arch} in the {layout.name} layout: {'; '.join(problems)}")
    for key, shape in expected.items():
        if tuple(shapes[key]) != shape:
            raise ValueError(
                f"{key}: expected {list(shape)}, found {list(shapes[key])}; "
                f"is this a {network.arch} in the {layout.name} layout?"
            )
    return entries
