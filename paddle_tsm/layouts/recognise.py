"""Which layout a set of keys has and which network it belongs to: read off the keys and shapes, never guessed.

What the keys cannot say (num_segments, shift_div, shift_order; in a layout that never wraps, the shift itself) comes
from the caller.
"""

from __future__ import annotations

from dataclasses import dataclass

from paddle_tsm.layouts.key_map import Layout, expand, pattern
from paddle_tsm.layouts.resnet_layouts import LAYOUTS
from paddle_tsm.network import ARCHITECTURES, Network, must_be_one_of

# A file that shares less than this with every known network is of another architecture. One tensor more or less
# changes the share by less than 1 %; the nearest two depths, 34 and 50, share about half of their names.
LEAST_SHARE = 0.8


@dataclass(frozen=True)
class Match:
    """One key of a file: its canonical name and the wrappers seen in it."""

    canonical: str
    block: int | None
    net: bool
    block_net: bool


def match_keys(layout: Layout, keys) -> dict[str, Match]:
    """key -> Match for each key that one of the layout's rows describes; the others are left out."""
    compiled = [(pattern(row.there), row.canonical) for row in layout.rows]
    found = {}
    for key in keys:
        for regex, canonical in compiled:
            if m := regex.fullmatch(key):
                groups = {name: value for name, value in m.groupdict().items() if value is not None}
                block = int(groups["b"]) if "b" in groups else None
                found[key] = Match(canonical.format(**groups), block, "net" in groups, "block_net" in groups)
                break
    return found


def find_layout(keys) -> Layout:
    """The layout whose rows describe most of `keys`. Raises ValueError where none describes half of them."""
    keys = list(keys)
    counts = {name: len(match_keys(layout, keys)) for name, layout in LAYOUTS.items()}
    best = max(counts, key=counts.get)
    if counts[best] * 2 < len(keys):
        raise ValueError(
            f"layout not recognised: the keys begin {', '.join(keys[:3])}; wanted one of {', '.join(LAYOUTS)}; "
            "is this a TSM checkpoint?"
        )
    return LAYOUTS[best]


def find_network(layout: Layout, shapes: dict[str, tuple[int, ...]], **options) -> Network:
    """The network whose tensors have these keys and shapes; `options` give what keys cannot say.

    Raises ValueError where no known architecture comes near, or an option contradicts what the keys say.
    """
    matches = match_keys(layout, shapes)
    names = {match.canonical for match in matches.values()}
    arch, share = nearest_architecture(names)
    if share < LEAST_SHARE:
        raise ValueError(
            f"another architecture: {arch} comes nearest and shares {share:.0%} of the {layout.name} keys; "
            f"wanted one of {', '.join(ARCHITECTURES)}"
        )
    seen = {"num_classes": class_count(layout, matches, shapes)}
    if layout.name != "canonical":
        seen |= shift_options(matches.values(), Network(arch))
    for name, value in seen.items():
        if name in options and options[name] is not None and options[name] != value:
            raise ValueError(f"{name}: got {options[name]!r}, but the keys of the file say {value!r}")
    return Network(arch).with_options(**(options | seen))


def nearest_architecture(names: set[str]) -> tuple[str, float]:
    """The architecture that shares the largest part of its canonical names with `names`, and that part."""
    shares = {}
    for arch in ARCHITECTURES:
        expected = Network(arch).shapes().keys()
        shares[arch] = len(names & expected) / len(names | expected)
    best = max(shares, key=shares.get)
    return best, shares[best]


def class_count(layout: Layout, matches: dict[str, Match], shapes) -> int:
    """Classes of the classifier, from the bias, which has one axis whatever the orientation of the weight."""
    for key, match in matches.items():
        if match.canonical == "fc.bias" and len(shapes[key]) == 1:
            return shapes[key][0]
    raise ValueError(f"{layout.name}: no classifier bias found; wanted a key for fc.bias of shape [classes]")


def shift_options(matches, plain: Network) -> dict:
    """is_shift, shift_place and shift_every, from where the `net` wrappers are."""
    shifted = {m.block for m in matches if m.net or m.block_net}
    if not shifted:
        return {"is_shift": False}
    whole = any(m.block_net for m in matches)
    network = plain.with_options(shift_place="block" if whole else "blockres")
    every = 1 if 1 in shifted else 2
    return {
        "is_shift": True,
        "shift_place": network.shift_place,
        "shift_every": None if every == network.every else every,
    }


def layout_named(name: str) -> Layout:
    """The layout called `name`. Raises ValueError, listing the known ones."""
    must_be_one_of("layout", name, tuple(LAYOUTS))
    return LAYOUTS[name]


def transposed_in(layout: Layout, file_format: str) -> bool:
    """Whether Linear weights are [in, out] in this layout and file: a canonical `.pdparams` holds what
    `paddle.save(model.state_dict())` writes, and so Paddle's orientation."""
    return layout.linear_transposed or (layout.name == "canonical" and file_format == "pdparams")


def is_batch_counter(name: str) -> bool:
    """Whether the tensor only counts a BatchNorm's training steps; no network computes with it."""
    return name.endswith("num_batches_tracked")


def check_keys(layout: Layout, network: Network, shapes: dict[str, tuple[int, ...]], transposed: bool) -> list:
    """The entries of `network` in this layout, when keys and shapes are exactly the file's.

    Raises ValueError naming the first keys that are missing, unexpected or misshapen.
    """
    entries = expand(layout, network, transposed)
    if not any(is_batch_counter(key) for key in shapes):
        # PyTorch wrote none before 0.4.1, Paddle never does; a file has all of them or none
        entries = [entry for entry in entries if not is_batch_counter(entry.there)]
    expected = {entry.there: entry.shape for entry in entries}
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
