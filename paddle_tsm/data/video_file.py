"""Frames of a video file: only those that are asked for are converted, and rotation is applied.

Where the file's packets say which frame is where, decoding jumps from key frame to key frame (`packet_seek`); every
other file is decoded from its start by OpenCV. The pixels are the same: those of OpenCV.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np

from paddle_tsm.data.packet_seek import read_by_packets
from paddle_tsm.data.video_survey import VideoNotes, claim_of, survey

# FFmpeg's and OpenCV's own messages do not name the file; our errors do. FFmpeg's level is read when it is first used.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

MANY_FRAMES = 10**7  # beyond any video: a damaged header


def read_frames(
    path, choose: Callable[[int], np.ndarray], threads: int | None = None, notes: VideoNotes | None = None
) -> list[np.ndarray]:
    """The RGB frames [H, W, 3] uint8 whose indices `choose(num_frames)` gives, in that order.

    num_frames is what can be decoded. Where the packets do not tell it for certain, or are not as many as the container says,
    all are decoded to count them; where a frame then still does not come, `choose` is called again with the number that do.
    `threads` is how many the decoder uses (as many as processors). What differs from the container's word goes to `notes`.
    Raises ValueError that names a file that is missing, empty, no video, or holds no frame.
    """
    path, notes = os.fspath(path), VideoNotes() if notes is None else notes
    check_file(path)
    choose = cache(choose)  # random indices are drawn once for a number of frames
    changes: list[tuple[int, int]] = []
    if frames := read_by_packets(path, choose, threads, lambda problem: notes.add(path, problem), changes):
        return frames
    capture, claim = open_video(path, threads), claim_of(path)
    if claim.kept and not changes and claim.frames < MANY_FRAMES:
        count = claim.frames
    else:
        found = survey(path)
        count = found.decoded
        notes.add(path, found.problem)
    while count:
        indices = [int(index) for index in choose(count)]
        frames = read_in_order(capture or open_video(path, threads), indices)
        capture = None
        if all(index in frames for index in indices):
            return [frames[index] for index in indices]
        found = survey(path)
        notes.add(path, found.problem)
        count = min(count - 1, found.decoded)
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


def read_in_order(capture: cv2.VideoCapture, indices: list[int]) -> dict[int, np.ndarray]:
    """Frame by index, for those of `indices` that could be decoded, of a video at its start."""
    at, frames = 0, {}
    for index in sorted(set(indices)):
        while at <= index and capture.grab():
            at += 1
        ok, frame = capture.retrieve() if at > index else (False, None)
        if not ok:
            break
        frames[index] = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    capture.release()
    return frames


def count_frames(path: str) -> int:
    """How many frames can be decoded, by decoding them."""
    capture, count = open_video(path), 0
    while capture.grab():
        count += 1
    capture.release()
    return count
