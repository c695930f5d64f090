"""One row of a key table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyRow:
    """One kind of tensor: its canonical name and its key in the layout, as templates (see `key_table.py`)."""

    canonical: str
    key: str


def same(*names: str) -> tuple[KeyRow, ...]:
    """Rows whose two sides are the same."""
    return tuple(KeyRow(name, name) for name in names)
