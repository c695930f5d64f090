"""The outputs of every layer of two networks on one input, compared."""

from __future__ import annotations

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare
from paddle_tsm.parity.side import Side


def compare_layers(reference: Side, other: Side, x: np.ndarray, limit: float) -> list[ComparisonRow]:
    """A row for each layer with weights, in forward order. x: [N*T, 3, H, W]."""
    outputs: dict[str, np.ndarray] = {}
    reference.watch_layers(x, outputs.__setitem__)
    order, rows = list(outputs), {}

    def compare_output(name: str, output: np.ndarray) -> None:
        rows[name] = compare(name, outputs.pop(name), output, limit)  # pop: each output is freed as soon as it can be

    other.watch_layers(x, compare_output)
    return [rows[name] for name in order]


def first_difference(reference: Side, other: Side, x: np.ndarray, limit: float) -> ComparisonRow | None:
    """The row of the first layer, in forward order, whose output differs by more than `limit`; None where none does."""
    return next((row for row in compare_layers(reference, other, x, limit) if not row.passed), None)


def layer_errors(reference: Side, other: Side, x: np.ndarray) -> dict[str, float]:
    """Layer with weights -> relative difference of its output on x, in forward order."""
    return {row.name: row.max_rel for row in compare_layers(reference, other, x, limit=0.0)}
