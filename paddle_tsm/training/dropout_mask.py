"""The dropout of a clip, from (seed, epoch, index): the same however the clips are shared out or the run was stopped."""

from __future__ import annotations

import numpy as np


def dropout_mask(keys, seed: int, shape: tuple[int, int], p: float) -> np.ndarray:
    """float32 [len(keys) * T, C] of 0 with probability p, else 1 / (1 - p); `shape` is (T, C). keys: (epoch, index)."""
    kept = [np.random.default_rng([seed, epoch, index, 0xD209]).random(shape, "float32") >= p for epoch, index in keys]
    return np.concatenate(kept).astype("float32") / np.float32(1 - p)
