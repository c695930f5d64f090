"""What chance decides of a training clip: its frames, its crop and its mirroring; drawn now, or taken from a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from paddle_tsm.data.presets import Preset


@dataclass(frozen=True)
class Augmentation:
    """One crop for all frames of a clip, in pixels of the frame, after it was resized where the preset does that.

    box: (left, top, right, bottom), which is scaled to a square of the preset's `train_scale`. offset: (left, top) of
    the network's input in that square, (0, 0) where they are of one size.
    """

    box: tuple[int, int, int, int]
    offset: tuple[int, int]
    mirrored: bool


class TrainDraw(Protocol):
    """Decides a clip when its frames are known."""

    def frames(self, count: int) -> np.ndarray:
        """The indices of the clip's frames in a video of `count` frames, int64 [T]."""

    def augmentation(self, height: int, width: int) -> Augmentation:
        """The augmentation of frames of this size."""


class RandomDraw:
    """Draws from a generator, first the frames, then the augmentation."""

    def __init__(self, preset: Preset, num_segments: int, rng: np.random.Generator):
        self._preset, self._num_segments, self._rng = preset, num_segments, rng

    def frames(self, count: int) -> np.ndarray:
        return self._preset.train_sampling(count, self._num_segments, self._rng)

    def augmentation(self, height: int, width: int) -> Augmentation:
        preset, rng = self._preset, self._rng
        size, scale = preset.size, preset.train_scale
        left, top, right, bottom = preset.train_box(height, width, scale, rng)
        x, y = rng.integers(scale - size + 1, size=2) if scale > size else (0, 0)
        mirrored = preset.flip.draw(rng)
        return Augmentation((int(left), int(top), int(right), int(bottom)), (int(x), int(y)), mirrored)


@dataclass(frozen=True)
class PlannedDraw:
    """Was drawn before, for a video of `count` frames that are `height` high and `width` wide (after resizing).

    Each method raises ValueError for a video that is not like that: the plan is of another clip. A video may claim more
    frames at first than can be read (`video_file.read_frames`).
    """

    count: int
    height: int
    width: int
    indices: tuple[int, ...]
    chosen: Augmentation

    def frames(self, count: int) -> np.ndarray:
        if count < self.count:
            raise ValueError(f"the plan is for {self.count} frames, the clip has {count}")
        return np.array(self.indices)

    def augmentation(self, height: int, width: int) -> Augmentation:
        if (height, width) != (self.height, self.width):
            raise ValueError(f"the plan is for frames of {self.width}x{self.height}, the clip's are {width}x{height}")
        return self.chosen
