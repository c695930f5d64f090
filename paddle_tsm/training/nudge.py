"""Weights and inputs moved by one unit in the last place: what the noise of float32 is measured with."""

from __future__ import annotations

import numpy as np


def nudge(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each float32 value moved by one unit in the last place, up or down; anything but floats stays."""
    array = np.asarray(array)
    if array.dtype.kind not in "fV":
        return array
    array = array.astype("float32")
    towards = np.where(rng.random(array.shape) < 0.5, -np.inf, np.inf).astype("float32")
    return np.nextafter(array, towards)


def nudged_weights(tensors: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Canonical tensors, each value moved by one unit in the last place; step counters stay."""
    rng = np.random.default_rng([seed, 0])
    return {name: nudge(array, rng) for name, array in tensors.items()}
