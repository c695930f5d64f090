"""A clip from a video file, as mmaction2's test pipeline cuts it: T frames, short edge 256, centre crop, normalised."""

from __future__ import annotations

import numpy as np

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import preset
from paddle_tsm.data.video_file import read_frames


def read_clip(path, num_segments: int, size: int = 224) -> np.ndarray:
    """The network input for one clip of a video: float32 [T, 3, size, size], T = num_segments.

    Raises ValueError for a file that is no video.
    """
    pixels = preset("mmaction2", size=size)
    return views_of(pixels, read_frames(path, lambda count: pixels.test_sampling(count, num_segments)))
