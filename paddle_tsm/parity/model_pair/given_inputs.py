"""The caller's inputs as arrays that both models can be given."""

from __future__ import annotations

from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.structure import as_arrays, in_precision, leaves


def inputs_of(inputs: Any, seed: int) -> Any:
    """The inputs as new arrays, floats in float64. inputs: those, or a function (seed) to them.

    Raises ValueError for what is no array of numbers, for a batch without samples, which would pass anything, and for
    NaN or infinity; minus infinity is allowed, for masks.
    """
    given = as_arrays(inputs(seed) if callable(inputs) else inputs)
    found = leaves(given)
    if not found:
        raise ValueError(f"inputs: got {given!r}, wanted an array, a tuple, a dict or a function (seed) to one of them")
    for path, array in found.items():
        where = f"inputs, at {path}" if path else "inputs"
        if array.dtype.kind not in "fiubc":
            raise ValueError(f"{where}: got {array.reshape(-1)[:1].tolist()} of {array.dtype}, wanted numbers")
        if array.ndim and not len(array):
            raise ValueError(f"{where}: got no sample, shape {list(array.shape)}; wanted at least one")
        if array.dtype.kind == "f" and not (np.isfinite(array) | np.isneginf(array)).all():
            raise ValueError(f"{where}: NaN or infinite values tell nothing apart; give finite ones (masks: -inf)")
    return in_precision(given, "float64")
