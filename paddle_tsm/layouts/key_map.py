"""Key maps: rows of (canonical name, name in the layout), expanded over one network's tensors.

A row's two sides are templates. On the canonical side a placeholder is a number, or {p}, the tensor's own name (weight,
running_mean, ...). On the layout's side the same may be used, and these, which depend on the tensor's place and on the
network's options, say where a system wraps a module:

    {stage}     the stage, wrapped when it pools over time                       layer2 | layer2.net
    {block}     the block in it, wrapped when a non-local one follows, and       0 | 0.block | 0.net | 0.block.net
                again when it is shifted whole
    {plain}     the block in it, not wrapped                                     0
    {net}       what the shifted convolution is wrapped in                       '' | net.
    {g} {phi}   a non-local projection, wrapped when a pool follows              g | g.0
    {head}      MIT's classifier, which dropout=0 leaves inside the backbone,    new_fc | base_model.fc
                under the backbone's own name                                    base_model.classifier
    {q}         {p} under Paddle's name                                          _mean, _variance
    {res}       PaddleVideo's name of the block                                  res2a ... res4b22 ... res5c
    {bb}        PP-TSM's name of the block                                       bb_0_0
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from paddle_tsm.network import Network, Tensor, is_linear_weight

PLACEHOLDERS = {
    "p": r"(?P<p>weight|bias|running_mean|running_var|num_batches_tracked)",
    "f": r"(?P<f>[2-9]|1[0-7])",  # MobileNetV2's blocks from the second on
}
NUMBER = r"(?P<{}>\d+)"
PADDLE_STATISTICS = {"running_mean": "_mean", "running_var": "_variance"}


@dataclass(frozen=True)
class Row:
    """One kind of tensor: its canonical name and its name in the layout, as templates."""

    canonical: str
    there: str


@dataclass(frozen=True)
class Layout:
    """The names of one system's checkpoints, and what that system can run.

    signature: a regular expression that most of a file's keys match from their beginning, by which it is recognised.
    rows: for each family of networks that the system has, its key map. cannot: (reason, test of a network) for what it has not;
    in a reason, {n} is the network.
    wrapper: the keys that lead to the network in that system's files. shift_order: the one that the system runs, None
    where its names say nothing of a shift. linear_transposed: Linear weights are [in, out]. step_counters: a BatchNorm
    has num_batches_tracked. assumed: the options of a network of that system, where its keys do not say them;
    "num_segments" stands for that option's value.
    """

    name: str
    signature: str
    rows: dict[str, tuple[Row, ...]]
    cannot: tuple = ()
    wrapper: tuple[str, ...] = ()
    shift_order: str | None = None
    linear_transposed: bool = False
    step_counters: bool = True
    assumed: tuple[tuple[str, object], ...] = ()

    def why_not(self, network: Network) -> str | None:
        """Why the system cannot run the network; None where it can."""
        if network.family not in self.rows:
            return f"{self.name} has no {network.arch}"
        return next((reason.format(n=network) for reason, test in self.cannot if test(network)), None)


@dataclass(frozen=True)
class Entry:
    """One tensor: canonical name, name in the layout, shape in the layout, whether it is transposed there."""

    canonical: str
    there: str
    shape: tuple[int, ...]
    transposed: bool


@cache
def pattern(template: str) -> re.Pattern:
    """The regular expression that matches what a canonical template can stand for."""
    parts = re.split(r"\{(\w+)\}", template)
    regexes = [re.escape(p) if i % 2 == 0 else PLACEHOLDERS.get(p, NUMBER.format(p)) for i, p in enumerate(parts)]
    return re.compile("".join(regexes))


def expand(layout: Layout, network: Network, transposed: bool | None = None) -> list[Entry]:
    """The layout's key for every tensor of `network`, in forward order; a system without step counters has none.

    `transposed` overrides whether Linear weights are stored [in, out]. The layout must be able to hold the network.
    """
    transposed = layout.linear_transposed if transposed is None else transposed
    entries = []
    for tensor, keys in names_there(layout, network):
        if not layout.step_counters and is_step_counter(tensor.name):
            continue
        assert len(keys) == 1, f"{layout.name}: {tensor.name} matches {len(keys)} rows"
        flip = transposed and is_linear_weight(tensor.name)
        entries.append(Entry(tensor.name, keys[0], tensor.shape[::-1] if flip else tensor.shape, flip))
    assert len({entry.there for entry in entries}) == len(entries), f"{layout.name}: two tensors share a key"
    return entries


def names_there(layout: Layout, network: Network):
    """Yield each tensor with the keys that the layout's rows give it: one, or none where it cannot hold the tensor."""
    rows = [(pattern(row.canonical), row.there) for row in layout.rows[network.family]]
    for tensor in network.tensors():
        values = placeholders(network, tensor)
        yield (
            tensor,
            [there.format(**m.groupdict(), **values) for regex, there in rows if (m := regex.fullmatch(tensor.name))],
        )


def is_step_counter(name: str) -> bool:
    """Whether the tensor only counts a BatchNorm's training steps; no network computes with it."""
    return name.endswith("num_batches_tracked")


def placeholders(network: Network, tensor: Tensor) -> dict[str, str]:
    """What the layout's side of a row may use for this tensor."""
    last = tensor.name.rsplit(".", 1)[-1]
    pooled = network.non_local is not None and network.non_local.sub_sample
    values = {
        "q": PADDLE_STATISTICS.get(last, last),
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
        "res": f"res{stage + 1}{block_letter(network, stage, block)}",
        "bb": f"bb_{stage - 1}_{block}",
    }


def block_letter(network: Network, stage: int, block: int) -> str:
    """PaddleVideo's letter for a block: a, b, c, ...; in the third stage of the two deepest a, b1, b2, ..."""
    if network.family != "mobilenet_v2" and network.depth in (101, 152) and stage == 3:
        return "a" if block == 0 else f"b{block}"
    return chr(ord("a") + block)
