"""The generated motion clips as arrays, before they are files."""

import numpy as np

from paddle_tsm.data.motion_videos import CLASSES, draw_bag, sort_bag


def motion_clip(seed: int, index: int, frames: int = 16, size: tuple[int, int] = (64, 64)) -> tuple[np.ndarray, int]:
    """Clip `index` of the data set `seed`: (frames [frames, H, W, 3] uint8 BGR, label).

    Clips 8k to 8k + 7 show bag k, once in each class. `frames` must be a multiple of STEPS; size is (width, height).
    """
    bag, label = divmod(index, len(CLASSES))
    return sort_bag(*draw_bag(np.random.default_rng([seed, bag]), size), label, frames), label
