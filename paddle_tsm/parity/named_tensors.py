"""Two sets of named tensors, compared tensor by tensor.

A tensor can be 0 in exact arithmetic, such as the gradient of a bias in front of a BatchNorm. Only rounding is left of
it, so it is compared in proportion to the largest tensor of its layer (see `VANISHING`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare
from paddle_tsm.parity.model_pair.structure import as_real
from paddle_tsm.parity.tolerance import VANISHING


def compare_tensors(
    reference: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], limit: float, sides: tuple[str, str]
) -> tuple[list[ComparisonRow], list[str]]:
    """Compare two sets of tensors, name -> array. A tensor that only one of them has does not pass.

    Returns a row for each tensor, in the reference's order, and the names of those that were compared in proportion to
    the largest tensor of their layer. sides: the names of the two frameworks, for the problem of a missing tensor.
    """
    largest: dict[str, float] = {}
    for name, array in reference.items():
        largest[layer_of(name)] = max(largest.get(layer_of(name), 0.0), magnitude(array))
    rows, vanishing = [], []
    for name in [*reference, *(name for name in other if name not in reference)]:
        if name not in reference or name not in other:
            rows.append(missing_row(name, reference, other, limit, sides))
            continue
        a, scale = reference[name], largest[layer_of(name)]
        row = compare(name, a, other[name], limit)
        if np.isfinite(row.max_abs) and magnitude(a) < VANISHING * scale:
            vanishing.append(name)
            relative = row.max_abs / scale
            problem = "" if relative <= limit else "beyond the limit, of the layer's largest magnitude"
            row = ComparisonRow(name, row.precision, row.shape, row.max_abs, relative, limit, problem)
        rows.append(row)
    return rows, vanishing


def missing_row(
    name: str,
    reference: Mapping[str, np.ndarray],
    other: Mapping[str, np.ndarray],
    limit: float,
    sides: tuple[str, str],
) -> ComparisonRow:
    """The row of a tensor that only one of the two sets has."""
    array, without = (reference[name], sides[1]) if name in reference else (other[name], sides[0])
    infinite = float("inf")
    return ComparisonRow(
        name, str(array.dtype), tuple(array.shape), infinite, infinite, limit, f"{without} has no such tensor"
    )


THE_MODEL = "the model itself"  # the layer of a tensor that is in no other


def layer_of(name: str) -> str:
    """The layer of a tensor, "layer1.0.bn1" for "layer1.0.bn1.bias" and "layer1.0.bn1.bias: momentum_buffer"."""
    return name.split(": ")[0].rpartition(".")[0]


def magnitude(array: np.ndarray) -> float:
    """The largest magnitude of the values; 0 for an array without values."""
    array = as_real(array)
    return max(float(array.max()), -float(array.min())) if array.size else 0.0
