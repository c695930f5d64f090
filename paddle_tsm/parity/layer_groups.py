"""Two sets of named tensors compared, and many comparisons summarised in one row.

A tensor that is 0 in exact arithmetic, such as the gradient of a bias in front of a BatchNorm, is rounding only: it is
compared in proportion to the largest tensor of its layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare
from paddle_tsm.parity.tolerance import VANISHING


@dataclass(frozen=True)
class SummaryRow(ComparisonRow):
    """Several comparisons in one row. worst: the name of the one whose figures stand here. count: how many there are."""

    worst: str = ""
    count: int = 1


def summarise(name: str, rows: list[ComparisonRow]) -> SummaryRow:
    """One row called `name` for several: the first that fails, else the one with the largest relative difference."""
    shown = next((row for row in rows if not row.passed), max(rows, key=lambda row: row.max_rel))
    problem = f"{shown.name}: {shown.problem}" if shown.problem else ""
    return SummaryRow(
        name, shown.precision, shown.shape, shown.max_abs, shown.max_rel, shown.limit, problem, shown.name, len(rows)
    )


def compare_tensors(
    reference: dict, other: dict, limit: float, names: tuple[str, str]
) -> tuple[list[ComparisonRow], list[str]]:
    """Compare two sets of tensors. Returns a row for each tensor, in the reference's order, and the names of those that
    are compared with their layer because they vanish.

    reference, other: name -> array, or None where a side has no such tensor. A tensor whose magnitude in the reference
    is below `VANISHING` of the largest one of its layer is compared in proportion to that one; see there. names: of the
    two sides, for the problem of a tensor that only one of them has.
    """
    largest: dict[str, float] = {}
    for name, array in reference.items():
        largest[layer_of(name)] = max(largest.get(layer_of(name), 0.0), magnitude(array))
    rows, vanishing = [], []
    for name in [*reference, *(name for name in other if name not in reference)]:
        a, b = reference.get(name), other.get(name)
        if a is None or b is None:
            there, inf = a if b is None else b, float("inf")
            problem = f"{names[1] if b is None else names[0]} has none"
            rows.append(ComparisonRow(name, str(there.dtype), tuple(there.shape), inf, inf, limit, problem))
            continue
        row, scale = compare(name, a, b, limit), largest[layer_of(name)]
        if np.isfinite(row.max_abs) and magnitude(a) < VANISHING * scale:
            vanishing.append(name)
            relative = row.max_abs / scale
            problem = "" if relative <= limit else "beyond the limit, of the layer's largest magnitude"
            row = ComparisonRow(name, row.precision, row.shape, row.max_abs, relative, limit, problem)
        rows.append(row)
    return rows, vanishing


def layer_of(name: str) -> str:
    """The layer of a tensor ("layer1.0.bn1.bias", or "layer1.0.bn1.bias: momentum_buffer")."""
    return name.split(": ")[0].rpartition(".")[0]


def magnitude(array: np.ndarray) -> float:
    """The largest magnitude; 0 for an array without values."""
    return float(np.abs(array).max()) if array.size else 0.0


def stages_of(network) -> dict[str, list[str]]:
    """Stage -> names of its tensors in forward order: stem, layer1, ..., (MobileNetV2: last conv,) classifier."""
    stages: dict[str, list[str]] = {}
    seen = False
    for tensor in network.tensors():
        seen = seen or tensor.stage is not None
        if tensor.stage is not None:
            stage = f"layer{tensor.stage}"
        elif tensor.name.startswith(f"{network.classifier}."):
            stage = "classifier"
        else:
            stage = "last conv" if seen else "stem"
        stages.setdefault(stage, []).append(tensor.name)
    return stages
