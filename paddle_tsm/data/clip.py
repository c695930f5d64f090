"""Decoded frames, resized, cropped, mirrored and normalised to network input as a preset says.

A frame is RGB, [H, W, 3] uint8, or a picture of optical flow, [H, W, 2]. Of flow, each frame of the network's input is
a stack of successive pictures: its channels are x1, y1, x2, y2, ...
"""

from __future__ import annotations

from itertools import chain

import numpy as np

from paddle_tsm.data.presets import Preset
from paddle_tsm.data.train_draw import TrainDraw


def views_of(preset: Preset, frames: list[np.ndarray]) -> np.ndarray:
    """Every view of a test video: float32 [views * T, C, test_size, test_size], the frames of a view adjacent.

    frames: those that `preset.test_sampling` chose, clip after clip. The views are in the order of every upstream
    system: all clips of the first crop, then all clips of the second. Raises ValueError for frames smaller than a crop.
    """
    size, views = preset.test_size, np.empty(0, "float32")
    for i, frame in enumerate(frames):  # one frame at a time, so that few pixels are in memory
        scaled = preset.resize_short(frame, preset.short)
        places = preset.test_crops(*scaled.shape[:2], size)
        if i == 0:
            views = np.empty((len(places) * len(frames), preset.channels, size, size), "float32")
        for j, (left, top, mirrored) in enumerate(places):
            crop = scaled[top : top + size, left : left + size]
            preset.normalise(preset.mirror(crop) if mirrored else crop, views[j * len(frames) + i])
    return stacked(preset, views)


def pictures_of(preset: Preset, frames: list[np.ndarray]) -> np.ndarray:
    """What the first view of a test video shows: RGB uint8 [frames, test_size, test_size, 3], before it is normalised.

    frames: as for `views_of`.
    """
    size, pictures = preset.test_size, []
    for frame in frames:
        scaled = preset.resize_short(frame, preset.short)
        left, top, mirrored = preset.test_crops(*scaled.shape[:2], size)[0]
        crop = scaled[top : top + size, left : left + size]
        pictures.append(preset.mirror(crop) if mirrored else crop)
    return np.stack(pictures)


def train_clip(preset: Preset, frames: list[np.ndarray], draw: TrainDraw) -> tuple[np.ndarray, bool]:
    """(one augmented clip, float32 [T, C, size, size]; whether it was mirrored). All its frames get the same crop.

    Raises ValueError for frames of different sizes.
    """
    size, scale = preset.size, preset.train_scale
    scaled = (preset.resize_short(frame, preset.short) if preset.train_resize else frame for frame in frames)
    first = next(scaled)
    augmentation = draw.augmentation(*first.shape[:2])
    left, top, right, bottom = augmentation.box
    x, y = augmentation.offset
    clip = np.empty((len(frames), preset.channels, size, size), "float32")
    for frame, target in zip(chain([first], scaled), clip):  # one frame at a time, as above
        if frame.shape != first.shape:
            raise ValueError(f"frames of different sizes: {sorted({frame.shape[1::-1] for frame in frames})}")
        frame = preset.resize_to(frame[top:bottom, left:right], (scale, scale))[y : y + size, x : x + size]
        preset.normalise(preset.mirror(frame) if augmentation.mirrored else frame, target)
    return stacked(preset, clip), augmentation.mirrored


def stacked(preset: Preset, pictures: np.ndarray) -> np.ndarray:
    """[n * stack, channels, H, W] -> [n, stack * channels, H, W]: the pictures of each stack behind each other."""
    return pictures.reshape(-1, preset.in_channels, *pictures.shape[2:])
