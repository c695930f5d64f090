"""Other orders of the frames of a clip: backward, shuffled, and one frame repeated."""

from __future__ import annotations

from math import factorial

import numpy as np


def backward(frames: int) -> np.ndarray:
    """The one order in which the last frame comes first, int [1, T]."""
    return np.arange(frames)[None, ::-1]


def repeated(frames: int) -> np.ndarray:
    """Each frame in turn in the place of all, int [T, T]: a clip in which nothing moves."""
    return np.tile(np.arange(frames)[:, None], frames)


def shuffled(frames: int, count: int, seed: int) -> np.ndarray:
    """`count` different orders that are not the clip's own, int [count, T], drawn at random.

    There are fewer where the clip has no more; a clip of one frame has none.
    """
    rng, own = np.random.default_rng(seed), tuple(range(frames))
    count = min(count, factorial(frames) - 1)
    found: dict[tuple[int, ...], None] = {}
    while len(found) < count:
        order = tuple(rng.permutation(frames).tolist())
        if order != own:
            found[order] = None
    return np.array(list(found), "int64").reshape(len(found), frames)
