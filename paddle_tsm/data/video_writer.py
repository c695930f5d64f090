"""A video file that is written frame by frame and appears complete or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

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


@contextlib.contextmanager
def complete_video(
    path: str | os.PathLike, rate: float, encoder: Encoder = MPEG4
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends one frame, [H, W, 3] uint8 in BGR (OpenCV's order), to the video.

    The file at `path` appears when the block ends well, and otherwise not at all. rate: frames a second. The first
    frame sets the size. Raises ValueError for a suffix that is not in SUFFIXES, a folder that does not exist, an
    encoder that OpenCV does not have, a frame of another size, and a block that appends no frame.
    """
    path = os.fspath(path)
    if not path.lower().endswith(SUFFIXES):
        raise ValueError(f"{path}: wanted a name that ends in {' or '.join(SUFFIXES)}")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise ValueError(f"{folder}: no such folder; make it first")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as temporary:
        # OpenCV chooses the container by the suffix, so the unfinished file keeps it.
        unfinished = os.path.join(temporary, f"video{os.path.splitext(path)[1]}")
        writer: cv2.VideoWriter | None = None
        size = (0, 0)

        def append(frame: np.ndarray) -> None:
            nonlocal writer, size
            height, width = frame.shape[:2]
            if writer is None:
                size = width, height
                writer = cv2.VideoWriter(
                    unfinished, encoder.backend, cv2.VideoWriter_fourcc(*encoder.fourcc), rate, size, encoder.settings
                )
                if not writer.isOpened():
                    raise ValueError(
                        f"{path}: OpenCV cannot encode {encoder.name} here; "
                        f"wanted an opencv-python with {encoder.needs}"
                    )
            if (width, height) != size:  # OpenCV would leave the frame out and say nothing
                raise ValueError(f"{path}: got a frame of {width}x{height}, wanted {size[0]}x{size[1]} like the first")
            writer.write(frame)

        try:
            yield append
        finally:  # Windows does not remove a file that is open.
            if writer is not None:
                writer.release()
        if writer is None:
            raise ValueError(f"{path}: there was no frame to write")
        os.replace(unfinished, path)
