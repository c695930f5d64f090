"""Two arrays compared: one row of the parity table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paddle_tsm.parity.model_pair.structure import as_real


@dataclass(frozen=True)
class ComparisonRow:
    """The outcome of one comparison.

    precision: the reference's dtype. max_abs: the largest absolute difference. max_rel: the same over the reference's
    largest magnitude. limit: the largest max_rel that passes. problem: why the row does not pass; "" where it does.
    """

    name: str
    precision: str
    shape: tuple[int, ...]
    max_abs: float
    max_rel: float
    limit: float
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the two arrays are equal within the limit."""
        return not self.problem


def compare(name: str, reference: np.ndarray, other: np.ndarray, limit: float) -> ComparisonRow:
    """Compare `other` with `reference`. NaN, infinity, a different shape or a different dtype never passes.

    limit: how large the difference may be, relative to the reference's largest magnitude.

    >>> row = compare("logits", np.array([1.0, -2.0]), np.array([1.0, -2.0 + 1e-6]), limit=1e-10)
    >>> row.passed, row.problem, f"{row.max_rel:.1e}"
    (False, 'beyond the limit', '5.0e-07')
    """
    row = (name, str(reference.dtype), tuple(reference.shape))
    infinite = float("inf")
    if reference.shape != other.shape:
        return ComparisonRow(
            *row, infinite, infinite, limit, f"shape {list(other.shape)}, wanted {list(reference.shape)}"
        )
    if reference.dtype != other.dtype:
        return ComparisonRow(*row, infinite, infinite, limit, f"dtype {other.dtype}, wanted {reference.dtype}")
    if not (np.isfinite(reference).all() and np.isfinite(other).all()):
        return ComparisonRow(*row, infinite, infinite, limit, "NaN or infinite")
    if reference.size == 0:
        return ComparisonRow(*row, 0.0, 0.0, limit)
    max_abs, max_rel = distance(reference, other)
    return ComparisonRow(*row, max_abs, max_rel, limit, "" if max_rel <= limit else "beyond the limit")


def distance(reference: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The largest absolute difference, and the same over the reference's largest magnitude (over 1 where that is 0)."""
    reference, other = np.asarray(as_real(reference), "float64"), as_real(other)
    with np.errstate(invalid="ignore"):  # infinity minus infinity is NaN, which never passes
        apart = np.atleast_1d(np.subtract(reference, other))
        max_abs = float(np.abs(apart, out=apart).max())  # in its place, because a tensor may be large
    scale = max(float(reference.max()), -float(reference.min()))
    return max_abs, max_abs / (scale or 1.0)
