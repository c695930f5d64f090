"""Frames of a video file, by OpenCV: only those that are asked for are converted, and rotation is applied.

Between two wanted frames a decoder can decode all that lie between, or seek: go to a key frame and decode from there.
Which is quicker is a matter of how many frames each decodes, and the file's packets say it (reading them costs a small
part of decoding). A seek is only trusted where the packets' times are evenly spaced, and the frame it leads to must
have the time that the packets gave; otherwise every frame is decoded in order. So seeking changes no frame.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import cv2
import numpy as np

# FFmpeg's and OpenCV's own messages do not name the file; our errors do. FFmpeg's level is read when it is first used.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

# OpenCV decodes from the key frame before the frame that lies this far ahead of the wanted one (cap_ffmpeg_impl.hpp)
SEEK_LEAD = 16
SEEK_COST = 4  # frames: what emptying the decoder costs
MANY_FRAMES = 10**7  # beyond any video: a damaged header


def read_frames(path, choose: Callable[[int], np.ndarray], threads: int | None = None) -> list[np.ndarray]:
    """The RGB frames [H, W, 3] uint8 whose indices `choose(num_frames)` gives, in that order.

    Where the container claims more frames than can be decoded, `choose` is called again with the true number.
    `threads` is how many the decoder uses (as many as processors). Raises ValueError that names a file that is missing,
    empty, no video, or holds no frame.
    """
    path = os.fspath(path)
    check_file(path)
    capture = open_video(path, threads)
    claimed = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    count = int(claimed) if 1 <= claimed < MANY_FRAMES else count_frames(path)
    while count:
        indices = [int(index) for index in choose(count)]
        frames = read_at(path, indices, threads, capture)
        capture = None
        if all(index in frames for index in indices):
            return [frames[index] for index in indices]
        count = min(count - 1, count_frames(path))
    raise ValueError(f"{path}: no frame could be decoded; wanted a video that OpenCV reads")


def check_file(path: str) -> None:
    """Raise ValueError unless there is a file that is not empty."""
    if not os.path.isfile(path):
        raise ValueError(f"{path}: no such video file")
    if os.path.getsize(path) == 0:
        raise ValueError(f"{path}: the file is empty; wanted a video")


def open_video(path: str, threads: int | None = None) -> cv2.VideoCapture:
    """The opened video. Raises ValueError where OpenCV cannot open it."""
    settings = [cv2.CAP_PROP_N_THREADS, threads] if threads else []
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, settings)
    if not capture.isOpened():
        raise ValueError(f"{path}: OpenCV cannot open it; is it a video, and complete?")
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


def read_at(path: str, indices: list[int], threads: int | None = None, capture=None) -> dict[int, np.ndarray]:
    """Frame by index, for those of `indices` that could be decoded. `capture`: the video, if it is open already."""
    wanted = sorted(set(indices))
    if plan := seek_plan(path, wanted):
        frames = walk(capture or open_video(path, threads), wanted, *plan)
        if frames is not None:
            return frames
        capture = None
    return walk(capture or open_video(path, threads), wanted, set(), None)


def walk(capture: cv2.VideoCapture, wanted: list[int], seeks: set[int], times) -> dict[int, np.ndarray] | None:
    """Decode from the start, seeking to each frame of `seeks`; None where a frame's time is not what `times` says."""
    at, frames = 0, {}
    for index in wanted:
        if index in seeks:
            capture.set(cv2.CAP_PROP_POS_FRAMES, index)
            at = index
        while at <= index and capture.grab():
            at += 1
        if times is not None and at > index and abs(capture.get(cv2.CAP_PROP_POS_MSEC) - times[index]) > 0.5:
            return None
        ok, frame = capture.retrieve() if at > index else (False, None)
        if not ok:
            break
        frames[index] = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    capture.release()
    return frames


def seek_plan(path: str, wanted: list[int]) -> tuple[set[int], list[float]] | None:
    """(the wanted frames to seek to, every frame's time), or None where decoding in order is quicker or safer."""
    gaps = np.diff([-1, *wanted])
    if gaps.max() <= SEEK_LEAD + SEEK_COST:  # a seek decodes that many at least
        return None
    times, keys = packet_times(path)
    steps = np.diff(times)
    if len(times) <= wanted[-1] or not len(steps) or steps.min() <= 0 or steps.max() > 1.2 * steps.min():
        return None
    seeks = set()
    for index, gap in zip(wanted, gaps):
        start = max((key for key in keys if key <= index - SEEK_LEAD), default=None)
        if start is not None and index - start + SEEK_COST < gap:
            seeks.add(index)
    return (seeks, times) if seeks else None


def packet_times(path: str) -> tuple[list[float], list[int]]:
    """(each frame's time in milliseconds, in order of time; the indices of the key frames), without decoding."""
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    found = []
    while capture.grab():
        found.append((capture.get(cv2.CAP_PROP_POS_MSEC), capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME) > 0))
    capture.release()
    found.sort()
    return [time for time, _ in found], [i for i, (_, is_key) in enumerate(found) if is_key]


def count_frames(path: str) -> int:
    """How many frames can be decoded, by decoding them."""
    capture, count = open_video(path), 0
    while capture.grab():
        count += 1
    capture.release()
    return count
