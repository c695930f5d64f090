"""One row of a key table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyRow:
    """One kind of tensor: its canonical name and its key in the layout, both as templates (see `key_table.py`)."""

    canonical: str
    key: str


def canonical_keys(*names: str) -> tuple[KeyRow, ...]:
    """Rows for tensors whose keys are their canonical names."""
    return tuple(KeyRow(name, name) for name in names)
