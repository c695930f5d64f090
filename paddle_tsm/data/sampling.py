"""Which frames of a video make a clip. Every index is 0-based; a clip is T = `num_segments` indices.

The rules agree on long videos and differ on short ones, so each names the system whose indices it gives:
mmaction2 (`mmaction/datasets/transforms/loading.py`, 4d6c934), MIT (`ops/dataset.py`, 1f6a834) and PaddleVideo
(`paddlevideo/loader/pipelines/sample.py`, ed245e9). Random rules take a NumPy Generator and draw in upstream's order
and ranges; the numbers themselves come from another generator than upstream's, and so differ.
"""

from __future__ import annotations

import numpy as np

DENSE_RANGE = 64  # frames that a dense clip spans
DENSE_POSITIONS = 10  # dense clips of a test video


def _check(num_frames: int, num_segments: int) -> None:
    if num_frames < 1 or num_segments < 1:
        raise ValueError(f"cannot take {num_segments} frames of {num_frames}; wanted at least 1 of at least 1")


def uniform(num_frames: int, num_segments: int) -> np.ndarray:
    """The middle frame of each of T equal parts, [T]: mmaction2 and MIT, test."""
    _check(num_frames, num_segments)
    part = num_frames / num_segments
    return (np.arange(num_segments) * part + part / 2).astype("int64") % num_frames


def twice(num_frames: int, num_segments: int) -> np.ndarray:
    """Two clips, of each part's middle and of its first frame, [2*T]: mmaction2 and MIT, test."""
    _check(num_frames, num_segments)
    first = (np.arange(num_segments) * (num_frames / num_segments)).astype("int64")
    return np.concatenate([uniform(num_frames, num_segments), first])


def dense(num_frames: int, num_segments: int) -> np.ndarray:
    """Ten clips of 64 frames at equal distances, [10*T], looping where the video is shorter: all three, test.

    PaddleVideo adds 1 to these for videos, too, where frames count from 0: it then reads the next frame, and past the
    end of some videos. That is not reproduced; on frame folders the two agree.
    """
    _check(num_frames, num_segments)
    starts = np.linspace(0, max(1, 1 + num_frames - DENSE_RANGE) - 1, DENSE_POSITIONS, dtype="int64")
    return (starts[:, None] + _dense_offsets(num_segments)).reshape(-1) % num_frames


def uniform_or_first(num_frames: int, num_segments: int) -> np.ndarray:
    """`uniform`, but the first frame T times for T frames or fewer: PaddleVideo's TSM, test; MIT, validation."""
    _check(num_frames, num_segments)
    return uniform(num_frames, num_segments) if num_frames > num_segments else np.zeros(num_segments, "int64")


def pptsm(num_frames: int, num_segments: int) -> np.ndarray:
    """The frame left of the middle of T parts of whole frames, [T]: PaddleVideo's PP-TSM, test.

    Fewer frames than T loop (upstream: only those of a video; of a frame folder it asks for frames that are not there).
    """
    _check(num_frames, num_segments)
    part = num_frames // num_segments
    return (np.arange(num_segments) * max(part, 1) + max(part - 1, 0) // 2) % num_frames


def train_mmaction2(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """A random frame of each of T parts of whole frames, [T]; fewer frames than T are spread evenly. mmaction2."""
    _check(num_frames, num_segments)
    if num_frames >= num_segments:
        return _random_of_parts(num_frames, num_segments, rng)
    return np.around(np.arange(num_segments) * (num_frames / num_segments)).astype("int64") % num_frames


def train_or_first(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """A random frame of each of T parts, [T]; the first frame T times where there are fewer. MIT, PaddleVideo's TSM."""
    _check(num_frames, num_segments)
    if num_frames >= num_segments:
        return _random_of_parts(num_frames, num_segments, rng)
    return np.zeros(num_segments, "int64")


def train_pptsm(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """A random frame of each of T parts, [T]; fewer frames than T loop. PaddleVideo's PP-TSM."""
    _check(num_frames, num_segments)
    if num_frames >= num_segments:
        return _random_of_parts(num_frames, num_segments, rng)
    return np.arange(num_segments) % num_frames


def train_dense(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """One clip of 64 frames from a random start, [T], never the last possible one: all three."""
    _check(num_frames, num_segments)
    positions = max(1, 1 + num_frames - DENSE_RANGE)
    start = 0 if positions == 1 else int(rng.integers(0, positions - 1))
    return (start + _dense_offsets(num_segments)) % num_frames


def _random_of_parts(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    part = num_frames // num_segments
    return np.arange(num_segments) * part + rng.integers(part, size=num_segments)


def _dense_offsets(num_segments: int) -> np.ndarray:
    return np.arange(num_segments) * (DENSE_RANGE // num_segments)
