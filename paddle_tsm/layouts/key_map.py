"""Key maps: rows of (canonical name, name in the layout), expanded over one network's tensors.

A row's two sides are templates. `{s}`, `{b}` and `{k}` stand for a number (stage, block, layer in the block) and
`{p}` for the tensor's own name (weight, running_mean, ...). On the layout's side some more say where a system wraps
a module, which depends on the network's options:

    {stage}   the stage, wrapped when it pools over time           layer2 | layer2.net
    {block}   the block in it, wrapped when it is shifted whole     0 | 0.net
    {net}     the first convolution, wrapped when it is shifted     '' | net.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from paddle_tsm.network import Network, is_linear_weight

PLACEHOLDERS = {
    "s": r"(?P<s>\d+)",
    "b": r"(?P<b>\d+)",
    "k": r"(?P<k>\d+)",
    "p": r"(?P<p>\w+)",
    # read with the wrapper where it is there; which networks have it is settled by comparing whole key sets
    "stage": r"layer(?P<s>\d+)",
    "block": r"(?P<b>\d+)(?P<block_net>\.net)?",
    "net": r"(?P<net>net\.)?",
}


@dataclass(frozen=True)
class Row:
    """One kind of tensor: its canonical name and its name in the layout, as templates."""

    canonical: str
    there: str


@dataclass(frozen=True)
class Layout:
    """The names of one system's checkpoints.

    wrapper: the keys that lead to the network in that system's files. linear_transposed: Linear weights are [in, out].
    """

    name: str
    rows: tuple[Row, ...]
    wrapper: tuple[str, ...] = ()
    linear_transposed: bool = False


@dataclass(frozen=True)
class Entry:
    """One tensor: canonical name, name in the layout, shape in the layout, whether it is transposed there."""

    canonical: str
    there: str
    shape: tuple[int, ...]
    transposed: bool


def pattern(template: str) -> re.Pattern:
    """The regular expression that matches what a template can stand for."""
    parts = re.split(r"\{(\w+)\}", template)
    literal = [re.escape(part) if i % 2 == 0 else PLACEHOLDERS[part] for i, part in enumerate(parts)]
    return re.compile("".join(literal))


def expand(layout: Layout, network: Network, transposed: bool | None = None) -> list[Entry]:
    """The layout's key for every tensor of `network`, in forward order.

    `transposed` overrides whether Linear weights are stored [in, out].
    """
    transposed = layout.linear_transposed if transposed is None else transposed
    compiled = [(pattern(row.canonical), row.there) for row in layout.rows]
    entries = []
    for name, shape in network.shapes().items():
        matches = [(m, there) for regex, there in compiled if (m := regex.fullmatch(name))]
        assert len(matches) == 1, f"{layout.name}: {name} matches {len(matches)} rows"
        match, there = matches[0]
        flip = transposed and is_linear_weight(name)
        key = there.format(**match.groupdict(), **wrappers(network, match))
        entries.append(Entry(name, key, shape[::-1] if flip else shape, flip))
    assert len({entry.there for entry in entries}) == len(entries), f"{layout.name}: two tensors share a key"
    return entries


def wrappers(network: Network, match: re.Match) -> dict[str, str]:
    """What {stage}, {block} and {net} are for the tensor that `match` found."""
    groups = match.groupdict()
    if "b" not in groups:
        return {}
    shifted = network.shifts(int(groups["b"]))
    whole = shifted and network.shift_place == "block"
    first = shifted and network.shift_place == "blockres"
    return {
        "stage": f"layer{groups['s']}",
        "block": f"{groups['b']}.net" if whole else groups["b"],
        "net": "net." if first else "",
    }
