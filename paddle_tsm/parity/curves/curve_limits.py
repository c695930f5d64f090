"""What rounding explains of the difference of two curves, update by update.

Rounding differs between any two programs, and training magnifies it from update to update, smoothly. A difference in
what is computed is no larger at first, but it comes in one leap: from the last place, where rounding is, to the size of
the difference. So an update is judged by what came before it, or by runs of the same program from weights that were
moved by one unit in the last place.
"""

from __future__ import annotations

import numpy as np

from paddle_tsm.parity.curves.curve_file import Curve, relative_difference
from paddle_tsm.parity.tolerance import CURVES, TOLERANCES


def magnification(a: Curve, rows: int) -> np.ndarray:
    """By how much an update magnifies rounding, at least 1: the square of its gradient norm over the usual one.

    A BatchNorm that sees nearly equal values, as in a last batch of one short clip, divides by next to nothing: what is
    in front of it is magnified, once on the way to the loss and once more on the way back.
    """
    if "grad_norm" not in a.train:
        return np.ones(rows)
    norms = np.nan_to_num(a.train["grad_norm"][:rows], nan=0.0, posinf=0.0)
    usual = float(np.median(norms))
    return np.maximum(norms / usual, 1.0) ** 2 if usual > 0 else np.ones(rows)


def noise_of(a: Curve, noise: list[Curve], name: str, rows: int, dtype: str) -> np.ndarray | None:
    """The largest difference of any of the nudged runs from A, up to each row; None where none has the column."""
    found = []
    for run in noise:
        if name in run.train and name in a.train:
            length = min(rows, len(run.train[name]))
            if length < rows:
                raise ValueError(f"{run.path}: has {length} updates, wanted {rows} to measure the noise of all")
            found.append(relative_difference(a.train[name][:rows], run.train[name][:rows]))
    if not found:
        return None
    return np.maximum.accumulate(np.maximum(np.max(found, axis=0), np.finfo(dtype).eps))


def limits_of(differences: np.ndarray, dtype: str, magnified: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
    """What rounding explains at each row.

    With `noise`, the stated factor over it. Without, the stated leap over the largest difference before that row, at
    least the least and at most the highest limit of the dtype (`tolerance.CURVES`); what an
    update magnifies is allowed for.
    """
    if noise is not None:
        return TOLERANCES["float32 steps"].limit * noise
    least, most, leap = (CURVES[name].limit for name in (f"{dtype} least", f"{dtype} most", "leap"))
    limits, largest = np.empty(len(differences)), 0.0
    for row, difference in enumerate(differences):
        usual = min(max(leap * largest, least), most)
        limits[row] = max(usual, min(usual * magnified[row], CURVES["magnified most"].limit))
        if difference <= limits[row]:  # what rounding does not explain tells nothing of rounding
            largest = max(largest, difference)
    return limits
