"""Clips of noise, and classes for them, drawn from a seed."""

import numpy as np


def noise_clip(num_segments: int, size: int, clips: int = 1, seed: int = 0, channels: int = 3) -> np.ndarray:
    """Standard normal values [clips * T, channels, size, size]: float64, but such that float32 holds them exactly."""
    shape = (clips * num_segments, channels, size, size)
    return np.random.default_rng(seed).standard_normal(shape, dtype="float32").astype("float64")


def seeded_labels(clips: int, num_classes: int, seed: int = 0) -> np.ndarray:
    """A class for each clip of a batch: int64 [clips], from 0 to num_classes - 1."""
    return np.random.default_rng([seed, 1]).integers(0, num_classes, clips)
