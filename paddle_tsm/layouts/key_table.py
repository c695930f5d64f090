"""Key tables: rows of (canonical name, key in the layout), expanded over one network's tensors.

A row's two sides are templates. On the canonical side a placeholder is a number, or {p}, the tensor's own name (weight,
running_mean, ...). On the layout's side the same may be used, and {q}, which is {p} under Paddle's name (_mean,
_variance), and whatever `Layout.placeholders` gives for the tensor's place and the network's options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from paddle_tsm.layouts.layout import Layout
from paddle_tsm.networks.families import is_linear_weight
from paddle_tsm.networks.layers import Tensor
from paddle_tsm.networks.network import Network

PLACEHOLDERS = {
    "p": r"(?P<p>weight|bias|running_mean|running_var|num_batches_tracked)",
    "f": r"(?P<f>[2-9]|1[0-7])",  # MobileNetV2's blocks from the second on
}
NUMBER = r"(?P<{}>\d+)"
PADDLE_STATISTICS = {"running_mean": "_mean", "running_var": "_variance"}


@dataclass(frozen=True)
class KeyEntry:
    """One tensor: canonical name, key in the layout, shape in the layout, whether it is transposed there."""

    canonical: str
    key: str
    shape: tuple[int, ...]
    transposed: bool


@cache
def pattern(template: str) -> re.Pattern:
    """The regular expression that matches what a canonical template can stand for."""
    parts = re.split(r"\{(\w+)\}", template)
    regexes = [re.escape(p) if i % 2 == 0 else PLACEHOLDERS.get(p, NUMBER.format(p)) for i, p in enumerate(parts)]
    return re.compile("".join(regexes))


def expand(layout: Layout, network: Network, transposed: bool | None = None) -> list[KeyEntry]:
    """The layout's key for every tensor of `network`, in forward order; a system without step counters has none.

    `transposed` says whether Linear weights are stored [in, out]; None: as in the system's own files. The layout must
    be able to hold the network.
    """
    transposed = layout.linear_transposed if transposed is None else transposed
    entries = []
    for tensor, keys in keys_of(layout, network):
        if not layout.step_counters and is_step_counter(tensor.name):
            continue
        assert len(keys) == 1, f"{layout.name}: {tensor.name} matches {len(keys)} rows"
        flip = transposed and is_linear_weight(tensor.name)
        entries.append(KeyEntry(tensor.name, keys[0], tensor.shape[::-1] if flip else tensor.shape, flip))
    assert len({entry.key for entry in entries}) == len(entries), f"{layout.name}: two tensors share a key"
    return entries


def keys_of(layout: Layout, network: Network) -> Iterator[tuple[Tensor, list[str]]]:
    """Yield each tensor with the keys that the layout's rows give it: one, or none where it cannot hold the tensor."""
    if layout.tables is None:
        yield from ((tensor, [tensor.name]) for tensor in network.tensors())
        return
    rows = [(pattern(row.canonical), row.key) for row in layout.tables[network.family.name]]
    for tensor in network.tensors():
        last = tensor.name.rsplit(".", 1)[-1]
        values = {"q": PADDLE_STATISTICS.get(last, last)} | layout.placeholders(network, tensor)
        found = ((regex.fullmatch(tensor.name), key) for regex, key in rows)
        yield tensor, [key.format(**match.groupdict(), **values) for match, key in found if match]


def is_step_counter(name: str) -> bool:
    """Whether the tensor only counts a BatchNorm's training steps; no network computes with it."""
    return name.endswith("num_batches_tracked")
