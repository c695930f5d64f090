"""One thing that a call could do otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Change = Callable[[Callable, tuple, dict], Any]  # (function, arguments, named arguments) to what is returned


@dataclass(frozen=True)
class Variation:
    """kind: a word for programs. before, after: what the call has and what it would have; before is "" where after says
    it all ("its weight transposed"). name: of the argument, if it is one. change: what to do instead of the call.
    """

    kind: str
    before: str
    after: str
    change: Change
    name: str = ""

    @property
    def phrase(self) -> str:
        """The change in words."""
        return phrase(self.name, self.before, self.after)


@dataclass(frozen=True)
class Fit:
    """A number that a call could have otherwise, to be found. change: from the number to what to do instead of the
    call. start: the number that it has.
    """

    kind: str
    name: str
    start: float
    change: Callable[[float], Change]

    def at(self, value: float) -> Variation:
        """The variation with this number."""
        return Variation(self.kind, number(self.start), number(value), self.change(value), self.name)


def phrase(name: str, before: str, after: str) -> str:
    """A change in words: "with eps 0.001 instead of 1e-05", "with its weight transposed"."""
    new = f"{name} {after}".strip()
    return f"with {new} instead of {before}" if before else f"with {new}"


def number(value: float) -> str:
    """A number with the digits that tell it from others."""
    return f"{value:.6g}"
