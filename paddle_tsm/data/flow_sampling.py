"""Which pictures of optical flow make a clip: MIT's rules for the modality Flow (`ops/dataset.py`, 1f6a834).

A frame of the clip is a stack of STACK successive pictures. A rule returns the indices of all pictures of the clip,
stack after stack, int64 [T * STACK], counted from 0. A stack that begins close to the end repeats the last picture. The
rules raise ValueError as those of `sampling` do.

Where there are fewer pictures than a stack has, MIT asks for pictures that do not exist; here every stack then begins
with the first picture.
"""

from __future__ import annotations

import numpy as np

from paddle_tsm.data import sampling

STACK = 5  # MIT's new_length


def uniform(num_pictures: int, num_segments: int) -> np.ndarray:
    """Test: the stack in the middle of each of T equal parts of the places where a whole stack can begin."""
    return _stacks(sampling.uniform(_starts(num_pictures), num_segments), num_pictures)


def twice(num_pictures: int, num_segments: int) -> np.ndarray:
    """Test: two clips, of the middle stack and of the first stack of each part, [2 * T * STACK]."""
    return _stacks(sampling.twice(_starts(num_pictures), num_segments), num_pictures)


def dense(num_pictures: int, num_segments: int) -> np.ndarray:
    """Test: ten clips, whose stacks begin where the frames of `sampling.dense` are, [10 * T * STACK]."""
    return _stacks(sampling.dense(num_pictures, num_segments), num_pictures)


def train(num_pictures: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """Training: a random stack of each of T parts.

    Where there are fewer places than T, but more pictures, T random places in order. Where there are at most T
    pictures, T times the first stack.
    """
    places = _starts(num_pictures)
    if places < num_segments < num_pictures:
        return _stacks(np.sort(rng.integers(places, size=num_segments)), num_pictures)
    return _stacks(sampling.train_or_first(places, num_segments, rng), num_pictures)


def train_dense(num_pictures: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """Training: the stacks that begin where the frames of `sampling.train_dense` are."""
    return _stacks(sampling.train_dense(num_pictures, num_segments, rng), num_pictures)


def _starts(num_pictures: int) -> int:
    """The number of places where a whole stack can begin; 1 where there is none, and none of no picture."""
    return min(num_pictures, max(1, num_pictures - STACK + 1))


def _stacks(first: np.ndarray, num_pictures: int) -> np.ndarray:
    """The indices of the stacks that begin at `first`."""
    return np.minimum(first[:, None] + np.arange(STACK), num_pictures - 1).reshape(-1)


# A rule -> (words, formula), as in `sampling.DEFINITIONS`; n is the number of pictures of flow, and s that of places.
PLACES = f"for s in [max(1, n - {STACK - 1})]"
MIDDLE = "[int(k * (s / T) + s / T / 2) % s for k in range(T)]"
FIRST = "[int(k * (s / T)) for k in range(T)]"
PICTURES = f"for j in range({STACK})"
DEFINITIONS = {
    uniform: (
        f"{STACK} successive pictures from the middle of each of T equal parts of the places where so many can begin",
        f"[min(i + j, n - 1) {PLACES} for i in {MIDDLE} {PICTURES}]",
    ),
    twice: (
        f"two clips: {STACK} successive pictures from the middle of each of T equal parts of the places where so many "
        "can begin, then from the beginning of each part",
        f"[min(i + j, n - 1) {PLACES} for i in {MIDDLE} + {FIRST} {PICTURES}]",
    ),
    dense: (
        f"{sampling.DENSE_POSITIONS} clips of T times {STACK} successive pictures, which begin at equal distances in a "
        f"range of {sampling.DENSE_RANGE} pictures",
        f"[min(i + j, n - 1) for i in {sampling.DEFINITIONS[sampling.dense][1]} {PICTURES}]",
    ),
}
