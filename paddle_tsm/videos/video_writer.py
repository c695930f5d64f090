"""A video file that is written frame by frame and appears complete or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from paddle_tsm.files.room import check_room, named_if_full

SUFFIXES = (".mp4", ".avi")


@dataclass(frozen=True)
class Encoder:
    """A way in which OpenCV encodes a video.

    name: the encoder's name in messages. needs: the part of OpenCV that must be there. fourcc: the four letters of
    the codec. backend: OpenCV's `cv2.CAP_*`. settings: OpenCV's pairs of property and value.
    """

    name: str
    needs: str
    fourcc: str
    backend: int
    settings: tuple[int, ...] = ()


MPEG4 = Encoder("MPEG-4", "FFmpeg", "mp4v", cv2.CAP_FFMPEG)
# every frame is coded by itself, so no frame carries traces of another
MOTION_JPEG = Encoder(
    "Motion JPEG", "videoio", "MJPG", cv2.CAP_OPENCV_MJPEG, (cv2.VIDEOWRITER_PROP_QUALITY, 90)
)  # the quality is fixed, so that the same frames give the same file


def check_place(path: str | os.PathLike) -> None:
    """Raise ValueError for a video's suffix that is not in SUFFIXES and a folder that does not exist, and OSError where
    nothing can be written there.
    """
    path = os.fspath(path)
    if not path.lower().endswith(SUFFIXES):
        raise ValueError(f"{path}: wanted a name that ends in {' or '.join(SUFFIXES)}")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise ValueError(f"{folder}: no such folder; make it first")
    check_room(path)


@contextlib.contextmanager
def unfinished_video(path: str | os.PathLike) -> Iterator[str]:
    """Yield the path of a file to write, with the suffix of `path`, which it replaces when the block ends well.

    Raises what `check_place` raises, and OSError that names `path` where the disk is full.
    """
    path = os.fspath(path)
    check_place(path)
    folder = os.path.dirname(path) or "."
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as temporary, named_if_full(path, temporary):
        # The encoders choose the container by the suffix, so the unfinished file keeps it.
        unfinished = os.path.join(temporary, f"video{os.path.splitext(path)[1]}")
        yield unfinished
        os.replace(unfinished, path)


def check_size(path: str | os.PathLike, frame: np.ndarray, size: tuple[int, ...]) -> None:
    """Raise ValueError where the frame's (height, width) is not `size`, that of the first frame."""
    if frame.shape[:2] != size:
        (height, width), (first_height, first_width) = frame.shape[:2], size
        raise ValueError(f"{path}: got a frame of {width}x{height}, wanted {first_width}x{first_height} like the first")


def no_frame(path: str | os.PathLike) -> ValueError:
    """The error of a video that got no frame."""
    return ValueError(f"{path}: there was no frame to write")


@contextlib.contextmanager
def complete_video(
    path: str | os.PathLike, rate: float, encoder: Encoder = MPEG4
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends one frame, [H, W, 3] uint8 in BGR (OpenCV's order), to the video.

    The file at `path` appears when the block ends well, and otherwise not at all. rate: frames a second. The first
    frame sets the size. Raises what `check_place` raises, ValueError for an encoder that OpenCV does not have, a
    frame of another size, and a block that appends no frame; OSError where the disk is full.
    """
    with unfinished_video(path) as unfinished:
        writer: cv2.VideoWriter | None = None
        size: tuple[int, ...] = ()

        def append(frame: np.ndarray) -> None:
            nonlocal writer, size
            if writer is None:
                size = frame.shape[:2]
                letters = cv2.VideoWriter_fourcc(*encoder.fourcc)
                writer = cv2.VideoWriter(unfinished, encoder.backend, letters, rate, size[::-1], encoder.settings)
                if not writer.isOpened():
                    raise ValueError(
                        f"{path}: OpenCV cannot encode {encoder.name} here; "
                        f"wanted an opencv-python with {encoder.needs}"
                    )
            check_size(path, frame, size)  # OpenCV would leave the frame out and say nothing
            writer.write(frame)

        try:
            yield append
        finally:  # Windows does not remove a file that is open.
            if writer is not None:
                writer.release()
        if writer is None:
            raise no_frame(path)
        check_room(path, os.path.dirname(unfinished))  # OpenCV does not say that the disk was full
