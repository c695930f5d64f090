"""Frames to network input, as a preset says: [H, W, 3] uint8 RGB frames in, float32 [frames, 3, size, size] out."""

from __future__ import annotations

from itertools import chain

import numpy as np

from paddle_tsm.data.flip import mirror
from paddle_tsm.data.presets import Preset


def views_of(preset: Preset, frames: list[np.ndarray]) -> np.ndarray:
    """Every view of a test video: [views * T, 3, test_size, test_size], the frames of a view adjacent.

    `frames` are those of `preset.test_sampling`, clip after clip; the views come crop by crop and, in each crop, clip
    by clip, as in every system.
    """
    size, views = preset.test_size, None
    for i, frame in enumerate(frames):  # one after another, so that few pixels are in memory at once
        scaled = preset.resize_short(frame, preset.short)
        places = preset.test_crops(*scaled.shape[:2], size)
        if views is None:
            views = np.empty((len(places) * len(frames), 3, size, size), "float32")
        for j, (left, top, mirrored) in enumerate(places):
            crop = scaled[top : top + size, left : left + size]
            preset.normalise(mirror(crop) if mirrored else crop, views[j * len(frames) + i])
    return views


def train_clip(preset: Preset, frames: list[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """One augmented clip, [T, 3, size, size], and whether it was mirrored. One box and one mirroring for all frames."""
    size, scale = preset.size, preset.train_scale
    scaled = (preset.resize_short(frame, preset.short) if preset.train_resize else frame for frame in frames)
    first = next(scaled)
    left, top, right, bottom = preset.train_box(*first.shape[:2], scale, rng)
    x, y = rng.integers(scale - size + 1, size=2) if scale > size else (0, 0)
    mirrored = preset.flip.draw(rng)
    clip = np.empty((len(frames), 3, size, size), "float32")
    for frame, target in zip(chain([first], scaled), clip):  # one after another, as above
        if frame.shape != first.shape:
            raise ValueError(f"frames of different sizes: {sorted({frame.shape[1::-1] for frame in frames})}")
        frame = preset.resize_to(frame[top:bottom, left:right], (scale, scale))[y : y + size, x : x + size]
        preset.normalise(mirror(frame) if mirrored else frame, target)
    return clip, mirrored
