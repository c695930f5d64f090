"""Weights and inputs moved by one unit in the last place: what the noise of a training is measured with."""

from __future__ import annotations

import numpy as np


def nudge(array: np.ndarray, rng: np.random.Generator, dtype: str = "float32") -> np.ndarray:
    """The array in this dtype, each value moved by one unit in the last place, up or down. An array of integers
    stays.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "fV":  # V: bfloat16
        return array
    array = array.astype(dtype)
    towards = np.where(rng.random(array.shape) < 0.5, -np.inf, np.inf).astype(dtype)
    return np.nextafter(array, towards)


def nudged_weights(tensors: dict[str, np.ndarray], seed: int, dtype: str = "float32") -> dict[str, np.ndarray]:
    """Canonical tensors with each value moved by one unit in the last place; step counters stay."""
    rng = np.random.default_rng([seed, 0])
    return {name: nudge(array, rng, dtype) for name, array in tensors.items()}
