"""Key tables: rows of (canonical name, key in the layout), expanded over the tensors of one network.

Both sides of a row are templates. A placeholder on the canonical side stands for a number, or, as {p}, for the tensor's
own name (weight, running_mean, ...). The key may use the same placeholders, {q}, which is {p} under Paddle's name
(_mean, _variance), and those that `Layout.placeholders` gives for the tensor and the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from paddle_tsm.layouts.layout import Layout
from paddle_tsm.networks.families import is_linear_weight
from paddle_tsm.networks.layers import BATCH_NORM_TENSORS, STEP_COUNTER, Tensor
from paddle_tsm.networks.network import Network

PLACEHOLDERS = {
    "p": f"(?P<p>{'|'.join(BATCH_NORM_TENSORS)})",
    "f": r"(?P<f>[2-9]|1[0-7])",  # MobileNetV2's blocks, without the first
}
NUMBER = r"(?P<{}>\d+)"
PADDLE_STATISTICS = {"running_mean": "_mean", "running_var": "_variance"}


@dataclass(frozen=True)
class KeyEntry:
    """One tensor in a layout: its canonical name, its key, and its shape and orientation in the file."""

    canonical: str
    key: str
    shape: tuple[int, ...]
    transposed: bool


@cache
def pattern(template: str) -> re.Pattern:
    """The regular expression that matches every canonical name that the template can stand for."""
    text_and_names = re.split(r"\{(\w+)\}", template)  # text, the name of a placeholder, text, ...
    return re.compile(
        "".join(
            re.escape(piece) if i % 2 == 0 else PLACEHOLDERS.get(piece, NUMBER.format(piece))
            for i, piece in enumerate(text_and_names)
        )
    )


def expand(layout: Layout, network: Network, transposed: bool | None = None) -> list[KeyEntry]:
    """An entry for every tensor of `network` that the layout holds, in forward order.

    transposed: whether Linear weights are stored [in, out]; None: as in the system's own files. The layout must be able
    to hold the network (see `Layout.why_not`).
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
    """Yield each tensor with the keys that the layout's rows give it: none where the layout cannot hold the tensor."""
    if layout.tables is None:
        yield from ((tensor, [tensor.name]) for tensor in network.tensors())
        return
    for tensor in network.tensors():
        last = tensor.name.rsplit(".", 1)[-1]
        values = {"q": PADDLE_STATISTICS.get(last, last)} | layout.placeholders(network, tensor)
        found = matching_rows(layout, network.family.name, tensor.name)
        yield tensor, [key.format(**numbers, **values) for numbers, key in found]


@cache  # the networks of a family share most of their names, and a file is held against all of them
def matching_rows(layout: Layout, family: str, name: str) -> list[tuple[dict[str, str], str]]:
    """The rows that fit a canonical name: (what the name's placeholders stand for, the template of the key) of each."""
    assert layout.tables is not None
    found = [(pattern(row.canonical).fullmatch(name), row.key) for row in layout.tables[family]]
    return [(match.groupdict(), key) for match, key in found if match]


def is_step_counter(name: str) -> bool:
    """Whether the tensor `name` counts a BatchNorm's training steps."""
    return name.endswith(STEP_COUNTER)
