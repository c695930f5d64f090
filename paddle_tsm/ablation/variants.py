"""The variants of the temporal shift that the paper compares (arXiv:1811.08383, section 3 and figure 2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

NONE, IN_PLACE, RESIDUAL, ONLINE = KINDS = ("tsn", "in-place", "residual", "online")
PLACES = {IN_PLACE: "block", RESIDUAL: "blockres"}  # the paper's word -> `shift_place`
PROPORTIONS = (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), Fraction(1))


@dataclass(frozen=True)
class Variant:
    """One network of the comparison.

    name: as in a table and on the command line. kind: of KINDS. proportion: of all channels, how many are shifted, in
    both directions together. options: those of the network that differ.
    """

    name: str
    kind: str
    proportion: Fraction
    options: dict[str, Any] = field(hash=False)

    def folder(self) -> str:
        """The name as that of a folder."""
        return self.name.replace("/", "-")


def bidirectional(kind: str, proportion: Fraction) -> Variant:
    """A network that shifts one fold to each side. Two folds of C // shift_div channels are `proportion` of them, so
    that shift_div is 2 / proportion: upstream's usual 8 shifts a quarter.
    """
    options = {"shift_place": PLACES[kind], "shift_div": int(2 / proportion)}
    return Variant(f"{kind}-{'all' if proportion == 1 else proportion}", kind, proportion, options)


VARIANTS = (
    Variant(NONE, NONE, Fraction(0), {"is_shift": False}),
    *(bidirectional(kind, proportion) for kind in PLACES for proportion in PROPORTIONS),
    # one fold, and from the past alone: shift_div 8 is an eighth
    Variant(ONLINE, ONLINE, Fraction(1, 8), {"shift_order": "causal", "shift_div": 8}),
)
BASELINE = VARIANTS[0]  # what every latency is compared with


def chosen(names: Iterable[str] | None) -> list[Variant]:
    """The variants of these names, in the order of VARIANTS; the name of a kind stands for all of its kind. None: all.

    Raises ValueError for a name that is not known.
    """
    if names is None:
        return list(VARIANTS)
    wanted, known = set(names), {one.name for one in VARIANTS} | set(KINDS)
    for name in sorted(wanted - known):
        raise ValueError(f"--only: got {name!r}, wanted some of {', '.join([*KINDS, *(v.name for v in VARIANTS)])}")
    return [one for one in VARIANTS if one.name in wanted or one.kind in wanted]
