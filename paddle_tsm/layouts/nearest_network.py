"""The known network that comes nearest to a file whose keys are not exactly one's, and how the file differs from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from paddle_tsm.checkpoint import Checkpoint
from paddle_tsm.layouts.key_edits import KeyEdits, fronts
from paddle_tsm.layouts.key_prefixes import AVERAGE_COUNTERS
from paddle_tsm.layouts.key_table import expand, is_step_counter
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.non_local_of_keys import non_local_of_keys
from paddle_tsm.layouts.recognise import canonical_names, class_count, nearest_of, network_shares, options_of_tensors
from paddle_tsm.layouts.registry import LAYOUTS, layout_named
from paddle_tsm.networks.network import Network

# Below this share of names a file has a few in common with a network by chance, such as conv1.weight.
LEAST_SHARE_OF_NEAREST = 0.2
LONGEST_PREFIX = 3  # segments

Shape = tuple[int, ...]


@dataclass(frozen=True)
class NearestNetwork:
    """The nearest network, and the differences between the file and it.

    prefix: what its keys have in front, "" where they have nothing. names: name in the layout -> key in the file, of
    all tensors. fits: how many tensors are as the network has them. missing: the network's keys that the file lacks,
    with their shapes. unexpected: name -> shape, of the tensors that the network does not have. misshapen: name ->
    (shape in the file, shape in the network). heads: the modules that could be the network's classifier, where it is
    missing. bare: whether the file lacks what the layout has in front of every key.
    """

    layout: Layout
    network: Network
    prefix: str
    names: dict[str, str]
    fits: int
    missing: dict[str, Shape]
    unexpected: dict[str, Shape]
    misshapen: dict[str, tuple[Shape, Shape]]
    heads: tuple[str, ...]
    bare: bool

    def differs(self) -> bool:
        return bool(self.missing or self.unexpected or self.misshapen)


def nearest_network(
    checkpoint: Checkpoint, layout: str = "auto", edits: KeyEdits = KeyEdits()
) -> NearestNetwork | None:
    """The network that shares most of its names with the file; None where none shares a fifth of them.

    layout: "auto", or the only layout to look at. edits: changes to the keys, which are made first. Raises ValueError
    for a change that concerns no key.
    """
    shapes = {key: array.shape for key, array in checkpoint.tensors.items()}
    edited = {
        key: name for key, name in edits.apply(shapes).items() if not (key in AVERAGE_COUNTERS and shapes[key] == ())
    }
    layouts = tuple(LAYOUTS.values()) if layout == "auto" else (layout_named(layout),)
    best, known = None, 0
    for prefix in prefixes(edited.values()):
        named = {name.removeprefix(prefix): key for key, name in edited.items()}
        for system in layouts:
            full = with_front_of(system, named)
            count = len(canonical_names(system, full))
            if count > known:
                best, known = (system, prefix, full, full is not named), count
    if best is None:
        return None
    return compared(checkpoint, *best)


def prefixes(names: Iterable[str]) -> list[str]:
    """ "" and every run of at most three segments that a good part of the names begins with, the shortest first."""
    names = list(names)
    found = [
        front
        for front in fronts(names)
        if front.count(".") < LONGEST_PREFIX
        and 5 * sum(name.startswith(f"{front}.") for name in names) > 2 * len(names)
    ]
    return ["", *sorted((f"{front}." for front in found), key=len)]


def with_front_of(layout: Layout, named: Mapping[str, str]) -> Mapping[str, str]:
    """The names with what the layout has in front of every key, where no name has it; else `named` itself."""
    front = layout.front
    if not front or any(name.startswith(front) for name in named):
        return named
    return {f"{front}{name}" if re.match(layout.signature, front + name) else name: key for name, key in named.items()}


def compared(
    checkpoint: Checkpoint, layout: Layout, prefix: str, names: Mapping[str, str], bare: bool
) -> NearestNetwork | None:
    """The nearest architecture of a layout, and the file's differences from it; None where none is near."""
    shapes = {name: checkpoint.tensors[key].shape for name, key in names.items()}
    canonical = canonical_names(layout, shapes)
    shares = network_shares(layout, set(canonical.values()))
    plain = nearest_of(shares, {name: tuple(shapes[key]) for key, name in canonical.items()})
    if shares[plain] < LEAST_SHARE_OF_NEAREST:
        return None
    network, heads = likely_network(layout, plain, canonical, shapes)
    entries = expand(layout, network, layout.transposes_linear(checkpoint.format))
    if not any(is_step_counter(name) for name in shapes):
        entries = [entry for entry in entries if not is_step_counter(entry.key)]
    wanted = {entry.key: entry.shape for entry in entries}
    both = [name for name in wanted if name in shapes]
    misshapen = {name: (shapes[name], wanted[name]) for name in both if shapes[name] != wanted[name]}
    return NearestNetwork(
        layout,
        network,
        prefix,
        dict(names),
        len(both) - len(misshapen),
        {name: shape for name, shape in wanted.items() if name not in shapes},
        {name: shape for name, shape in shapes.items() if name not in wanted},
        misshapen,
        heads,
        bare,
    )


def likely_network(
    layout: Layout, plain: Network, canonical: dict[str, str], shapes: Mapping[str, Shape]
) -> tuple[Network, tuple[str, ...]]:
    """(the network, with the options that the keys say, as far as they do; modules that could be its classifier)."""
    options: dict[str, Any] = layout.assumed_options(plain.num_segments) | layout.naming_options(shapes)
    options |= options_of_tensors(plain, canonical, shapes)
    options |= layout.options_of_keys(list(canonical), canonical, plain)
    heads: tuple[str, ...] = ()
    try:
        options["num_classes"] = class_count(layout, canonical, shapes)
    except ValueError:
        heads = likely_classifiers(
            plain.family.features(plain), [name for name in shapes if name not in canonical], shapes
        )
        if heads:
            options["num_classes"] = shapes[f"{heads[0]}.bias"][0]
    try:
        options["non_local"] = non_local_of_keys(layout, canonical, plain, None)
        return plain.with_options(**options), heads
    except ValueError:  # the keys contradict each other, which the differences from the plain network show
        return plain, heads


def likely_classifiers(features: int, unknown: Iterable[str], shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    """The modules among the unknown names that hold a Linear layer from `features` to classes."""
    found = []
    for name in unknown:
        module, _, last = name.rpartition(".")
        bias = shapes.get(f"{module}.bias", ())
        if last == "weight" and len(bias) == 1 and shapes[name] in ((bias[0], features), (features, bias[0])):
            found.append(module)
    return tuple(found)
