"""Clips of noise and classes from a seed."""

import numpy as np


def noise_clip(num_segments: int, size: int, clips: int = 1, seed: int = 0) -> np.ndarray:
    """A standard normal input, float64 values that float32 holds exactly: [clips * T, 3, size, size]."""
    shape = (clips * num_segments, 3, size, size)
    return np.random.default_rng(seed).standard_normal(shape, dtype="float32").astype("float64")


def seeded_labels(clips: int, num_classes: int, seed: int = 0) -> np.ndarray:
    """Classes of a batch: int64 [clips]."""
    return np.random.default_rng([seed, 1]).integers(0, num_classes, clips)
