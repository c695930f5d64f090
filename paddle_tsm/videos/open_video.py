"""Video files opened by OpenCV."""

from __future__ import annotations

import os

import cv2

# FFmpeg's and OpenCV's own messages do not name the file, and our errors do. FFmpeg reads its level at its first use.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


def check_file(path: str) -> None:
    """Raise ValueError unless `path` is a file that is not empty."""
    if not os.path.isfile(path):
        raise ValueError(f"{path}: no such video file")
    if os.path.getsize(path) == 0:
        raise ValueError(f"{path}: the file is empty; wanted a video")


def open_video(path: str, threads: int | None = None) -> cv2.VideoCapture:
    """Open a video; its frames come out upright. threads: of the decoder; None for OpenCV's choice.

    Raises ValueError where OpenCV cannot open it.
    """
    settings = [cv2.CAP_PROP_N_THREADS, threads] if threads else []
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, settings)
    if not capture.isOpened():
        raise ValueError(f"{path}: OpenCV cannot open it; is it a video, and complete?")
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


def count_frames(path: str) -> int:
    """The number of frames that can be decoded, found by decoding them."""
    capture, count = open_video(path), 0
    while capture.grab():
        count += 1
    capture.release()
    return count
