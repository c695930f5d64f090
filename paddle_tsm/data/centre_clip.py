"""The one clip of a video on which `parity` and `demo` compare two networks."""

from __future__ import annotations

import os

import numpy as np

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import preset
from paddle_tsm.videos.video_file import read_frames


def read_centre_clip(path: str | os.PathLike, num_segments: int, size: int = 224) -> np.ndarray:
    """The network input for the video, as mmaction2's test pipeline makes it: float32 [T, 3, size, size].

    That is the middle frame of each of T = `num_segments` equal parts, its short edge scaled to size * 256 / 224, its
    centre crop, normalised. Raises ValueError for a file that is no video.
    """
    pixels = preset("mmaction2", size=size)
    return views_of(pixels, read_frames(path, lambda count: pixels.test_sampling(count, num_segments)))
