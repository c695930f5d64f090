"""Which frames of a video make a clip. Indices count from 0; a clip is T = `num_segments` indices, int64 [T].

The rules agree on long videos and differ on short ones, so each names the system whose indices it gives: mmaction2
(`mmaction/datasets/transforms/loading.py`, 4d6c934), MIT (`ops/dataset.py`, 1f6a834) and PaddleVideo
(`paddlevideo/loader/pipelines/sample.py`, ed245e9). Random rules take a NumPy Generator and draw in upstream's order
and ranges. The drawn numbers are not upstream's, because the generator is another one. Every rule raises ValueError for
a video without frames and for a clip without frames.
"""

from __future__ import annotations

import numpy as np

DENSE_RANGE = 64  # frames of a video from which a dense clip is taken
DENSE_POSITIONS = 10  # dense clips of a test video


def _check(num_frames: int, num_segments: int) -> None:
    if num_frames < 1 or num_segments < 1:
        raise ValueError(f"cannot take {num_segments} frames of {num_frames}; wanted at least 1 of at least 1")


def uniform(num_frames: int, num_segments: int) -> np.ndarray:
    """Test, mmaction2 and MIT: the middle frame of each of T equal parts of the video."""
    _check(num_frames, num_segments)
    part = num_frames / num_segments
    return (np.arange(num_segments) * part + part / 2).astype("int64") % num_frames


def twice(num_frames: int, num_segments: int) -> np.ndarray:
    """Test, mmaction2 and MIT: two clips, of the middle frame and of the first frame of each part, [2*T]."""
    _check(num_frames, num_segments)
    first = (np.arange(num_segments) * (num_frames / num_segments)).astype("int64")
    return np.concatenate([uniform(num_frames, num_segments), first])


def dense(num_frames: int, num_segments: int) -> np.ndarray:
    """Test, all three systems: ten clips, each from a range of 64 frames, at equal distances, [10*T]. A video with
    fewer frames starts again from its first.

    PaddleVideo adds 1 to every index. That is right for frame folders, whose first number is 1, but from a video it
    reads the next frame, and past the end of some videos. Here videos and frame folders give the same frames.
    """
    _check(num_frames, num_segments)
    starts = np.linspace(0, max(1, 1 + num_frames - DENSE_RANGE) - 1, DENSE_POSITIONS, dtype="int64")
    return (starts[:, None] + _dense_offsets(num_segments)).reshape(-1) % num_frames


def uniform_or_first(num_frames: int, num_segments: int) -> np.ndarray:
    """Test, PaddleVideo's TSM, and validation, MIT: `uniform`, or T times the first frame of a video of at most T
    frames.
    """
    _check(num_frames, num_segments)
    return uniform(num_frames, num_segments) if num_frames > num_segments else np.zeros(num_segments, "int64")


def pptsm(num_frames: int, num_segments: int) -> np.ndarray:
    """Test, PaddleVideo's PP-TSM: the middle frame of each of T parts of a whole number of frames, or the first of
    two middle frames.

    A video with fewer frames than T starts again from its first. Upstream does so for videos only; in a frame folder it
    asks for frames that do not exist.
    """
    _check(num_frames, num_segments)
    part = num_frames // num_segments
    return (np.arange(num_segments) * max(part, 1) + max(part - 1, 0) // 2) % num_frames


def train_mmaction2(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """Training, mmaction2: a random frame of each of T parts of a whole number of frames. Fewer frames than T are
    repeated evenly.
    """
    _check(num_frames, num_segments)
    if num_frames >= num_segments:
        return _random_of_parts(num_frames, num_segments, rng)
    return np.around(np.arange(num_segments) * (num_frames / num_segments)).astype("int64") % num_frames


def train_or_first(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """Training, MIT and PaddleVideo's TSM: a random frame of each of T parts, or T times the first of fewer frames."""
    _check(num_frames, num_segments)
    if num_frames >= num_segments:
        return _random_of_parts(num_frames, num_segments, rng)
    return np.zeros(num_segments, "int64")


def train_pptsm(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """Training, PaddleVideo's PP-TSM: a random frame of each of T parts. Fewer frames than T start again from the
    first.
    """
    _check(num_frames, num_segments)
    if num_frames >= num_segments:
        return _random_of_parts(num_frames, num_segments, rng)
    return np.arange(num_segments) % num_frames


def train_dense(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """Training, all three systems: a clip from a range of 64 frames with a random start, never the last possible."""
    _check(num_frames, num_segments)
    positions = max(1, 1 + num_frames - DENSE_RANGE)
    start = 0 if positions == 1 else int(rng.integers(0, positions - 1))
    return (start + _dense_offsets(num_segments)) % num_frames


def _random_of_parts(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    part = num_frames // num_segments
    return np.arange(num_segments) * part + rng.integers(part, size=num_segments)


def _dense_offsets(num_segments: int) -> np.ndarray:
    return np.arange(num_segments) * (DENSE_RANGE // num_segments)


# Each rule of the test for programs without paddle_tsm: in words, and as the list of its indices in Python, where n is
# the number of frames of the video and T that of the clip.
UNIFORM = "int(k * (n / T) + n / T / 2) % n for k in range(T)"
DEFINITIONS = {
    uniform: ("the middle frame of each of T equal parts of the video", f"[{UNIFORM}]"),
    twice: (
        "two clips: the middle frame of each of T equal parts of the video, then the first frame of each part",
        f"[{UNIFORM}] + [int(k * (n / T)) for k in range(T)]",
    ),
    dense: (
        f"{DENSE_POSITIONS} clips at equal distances, each of T frames at equal distances in a range of {DENSE_RANGE} "
        "frames; a shorter video starts again from its first frame",
        f"[(int(j * ((max(1, n - {DENSE_RANGE - 1}) - 1) / {DENSE_POSITIONS - 1})) + k * ({DENSE_RANGE} // T)) % n "
        f"for j in range({DENSE_POSITIONS}) for k in range(T)]",
    ),
    uniform_or_first: (
        "the middle frame of each of T equal parts of the video; T times the first frame of a video of at most T "
        "frames",
        f"[{UNIFORM}] if n > T else [0] * T",
    ),
    pptsm: (
        "the middle frame of each of T parts of n // T frames, or the first of two middle frames; a video of fewer "
        "than T frames starts again from its first",
        "[(k * max(n // T, 1) + max(n // T - 1, 0) // 2) % n for k in range(T)]",
    ),
}
