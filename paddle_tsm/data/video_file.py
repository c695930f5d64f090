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

from paddle_tsm.data.open_video import check_file, open_video
from paddle_tsm.data.packet_seek import read_by_packets
from paddle_tsm.data.video_survey import VideoNotes, claim_of, survey

MANY_FRAMES = 10**7  # beyond any video: a damaged header


def read_frames(
    path, choose: Callable[[int], np.ndarray], threads: int | None = None, notes: VideoNotes | None = None
) -> list[np.ndarray]:
    """The RGB frames [H, W, 3] uint8 whose indices `choose(num_frames)` gives, in that order.

    num_frames is what can be decoded. Where the packets do not tell it for certain, or are not as many as the container
    says, all are decoded to count them; where a frame then still does not come, `choose` is called again with the
    number that do. `threads` is how many the decoder uses (as many as processors). What differs from the container's
    word goes to `notes`. Raises ValueError that names a file that is missing, empty, no video, or holds no frame.
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
