"""Frames to network input, as a preset says: [H, W, 3] uint8 RGB frames in, float32 [frames, 3, size, size] out."""

from __future__ import annotations

import numpy as np

from paddle_tsm.data.flip import mirror
from paddle_tsm.data.presets import Preset


def views_of(preset: Preset, frames: list[np.ndarray]) -> np.ndarray:
    """Every view of a test video: [views * T, 3, test_size, test_size], the frames of a view adjacent.

    `frames` are those of `preset.test_sampling`, clip after clip; the views come crop by crop and, in each crop, clip
    by clip, as in every system.
    """
    scaled = [preset.resize_short(frame, preset.short) for frame in frames]
    places = [preset.test_crops(*frame.shape[:2], preset.test_size) for frame in scaled]
    size = preset.test_size
    views = np.empty((len(places[0]) * len(frames), 3, size, size), "float32")
    for j in range(len(places[0])):
        for i, frame in enumerate(scaled):
            left, top, mirrored = places[i][j]
            crop = frame[top : top + size, left : left + size]
            preset.normalise(mirror(crop) if mirrored else crop, views[j * len(frames) + i])
    return views


def train_clip(preset: Preset, frames: list[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """One augmented clip, [T, 3, size, size], and whether it was mirrored. One box and one mirroring for all frames."""
    size, scale = preset.size, preset.train_scale
    if preset.train_resize:
        frames = [preset.resize_short(frame, preset.short) for frame in frames]
    if any(frame.shape != frames[0].shape for frame in frames):
        raise ValueError(f"frames of different sizes: {sorted({frame.shape[1::-1] for frame in frames})}")
    left, top, right, bottom = preset.train_box(*frames[0].shape[:2], scale, rng)
    frames = [preset.resize_to(frame[top:bottom, left:right], (scale, scale)) for frame in frames]
    if scale > size:
        left, top = rng.integers(scale - size + 1, size=2)
        frames = [frame[top : top + size, left : left + size] for frame in frames]
    mirrored = preset.flip.draw(rng)
    if mirrored:
        frames = [mirror(frame) for frame in frames]
    clip = np.empty((len(frames), 3, size, size), "float32")
    for frame, target in zip(frames, clip):
        preset.normalise(frame, target)
    return clip, mirrored
