"""Chosen frames of a video file, upright and in RGB.

Where the file's packets tell for certain which frame is where, decoding jumps from key frame to key frame
(`packet_seek`). Every other file is decoded from its start by OpenCV. Both give OpenCV's pixels.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np

from paddle_tsm.videos.container_claim import claim_of
from paddle_tsm.videos.open_video import check_file, open_video
from paddle_tsm.videos.packet_seek import read_by_packets
from paddle_tsm.videos.video_notes import VideoNotes
from paddle_tsm.videos.video_survey import survey

MANY_FRAMES = 10**7  # no video has as many, so the header is damaged


def read_frames(
    path: str | os.PathLike,
    choose: Callable[[int], np.ndarray],
    threads: int | None = None,
    notes: VideoNotes | None = None,
) -> list[np.ndarray]:
    """The frames with the indices `choose(num_frames)`, in that order: RGB [H, W, 3] uint8.

    num_frames is the number of frames that can be decoded. Where the packets do not tell it for certain, or are not as
    many as the container says, all frames are decoded to count them. Where a chosen frame then cannot be decoded,
    `choose` is called again with a smaller number. threads: of the decoder; None for as many as there are processors.
    notes: takes a note where the video does not hold what its container says. Raises ValueError that names the file
    where it is missing, empty, no video, or without a frame.
    """
    path, notes = os.fspath(path), VideoNotes() if notes is None else notes
    check_file(path)
    choose = cache(choose)  # so that random indices are drawn once for each number of frames
    changes: list[tuple[int, int]] = []
    if frames := read_by_packets(path, choose, threads, lambda problem: notes.add(path, problem), changes):
        return frames
    capture, claim = open_video(path, threads), claim_of(path)
    if claim.kept and not changes and claim.frames is not None and claim.frames < MANY_FRAMES:
        count = claim.frames
    else:
        found = survey(path)
        count = found.decoded
        notes.add(path, found.problem)
    while count:
        indices = [int(index) for index in choose(count)]
        decoded = read_in_order(capture or open_video(path, threads), indices)
        capture = None
        if all(index in decoded for index in indices):
            return [decoded[index] for index in indices]
        found = survey(path)
        notes.add(path, found.problem)
        count = min(count - 1, found.decoded)
    raise ValueError(f"{path}: no frame could be decoded; wanted a video that OpenCV reads")


def read_in_order(capture: cv2.VideoCapture, indices: list[int]) -> dict[int, np.ndarray]:
    """index -> RGB frame, for those of `indices` that can be decoded. `capture`, still at its start, is used up."""
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
