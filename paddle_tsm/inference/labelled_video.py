"""A copy of a video with lines of text on every frame, such as the network's labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from paddle_tsm.terminal.literal_text import literal
from paddle_tsm.videos.copied_video import complete_copy
from paddle_tsm.videos.open_video import check_file, open_video


def frames_of(source: str | os.PathLike) -> tuple[Iterator[np.ndarray], float]:
    """(an iterator of RGB frames [H, W, 3] uint8, frames a second) of a video file.

    The rate is 30 where the file has none that makes sense. Raises ValueError where it cannot be opened.
    """
    check_file(os.fspath(source))
    capture = open_video(os.fspath(source))
    rate = capture.get(cv2.CAP_PROP_FPS)

    def frames() -> Iterator[np.ndarray]:
        while True:
            ok, frame = capture.read()
            if not ok:
                break
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        capture.release()

    return frames(), rate if 1 <= rate <= 1000 else 30.0


@contextmanager
def labelled_video(
    path: str | os.PathLike, rate: float, source: str | os.PathLike | None = None
) -> Iterator[Callable[[np.ndarray, list[str]], None]]:
    """Yield `write(frame, lines)` for RGB frames [H, W, 3] uint8. rate: frames a second. source: the video whose sound
    is kept; None for none.

    The video at `path` appears when the block ends well, and otherwise not at all. Raises ValueError as
    `complete_copy` does.
    """
    with complete_copy(path, rate, source) as append:

        def write(frame: np.ndarray, lines: list[str]) -> None:
            append(with_lines(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), lines))

        yield write


def with_lines(frame: np.ndarray, lines: list[str]) -> np.ndarray:
    """Write `lines` into the upper left corner of the BGR frame, white on black, and return it.

    The height of a line is a sixteenth of the frame's, and at least 12 pixels. OpenCV's font has ASCII only, and other
    letters become question marks.
    """
    height = max(12, frame.shape[0] // 16)
    scale = height / 30
    for i, line in enumerate(lines):
        text = literal(line).encode("ascii", "replace").decode()
        place = (height // 3, height * (i + 1))
        for colour, thick in (((0, 0, 0), max(2, round(4 * scale))), ((255, 255, 255), max(1, round(1.5 * scale)))):
            cv2.putText(frame, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thick, cv2.LINE_AA)
    return frame
