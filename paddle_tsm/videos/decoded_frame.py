"""A frame as a decoder gives it, turned into RGB only where somebody looks at it, and its time in the source."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from paddle_tsm.videos.packet_seek import upright


@dataclass(frozen=True)
class DecodedFrame:
    """One frame of a source.

    number: from 0; frames that are left out are not counted. time: seconds since the first frame. picture: PyAV's
    frame, or OpenCV's, BGR [H, W, 3] uint8. converter: PyAV's, for all frames of a source.
    """

    number: int
    time: Fraction
    picture: av.VideoFrame | np.ndarray
    converter: VideoReformatter

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), before it is turned upright."""
        if isinstance(self.picture, np.ndarray):
            return self.picture.shape[1], self.picture.shape[0]
        return self.picture.width, self.picture.height

    def rgb(self) -> np.ndarray:
        """RGB [H, W, 3] uint8, upright."""
        if isinstance(self.picture, np.ndarray):
            return cv2.cvtColor(self.picture, cv2.COLOR_BGR2RGB)
        return upright(self.picture, self.converter)


class Clock:
    """Says when each frame is shown, in seconds since the first frame of the source.

    rate: frames a second, for frames without a time. start: the time of the next frame, behind an earlier connection.
    A time that does not lie behind the one before is replaced by one that does.
    """

    def __init__(self, rate: float, start: Fraction):
        self._interval, self._next = 1 / Fraction(rate).limit_denominator(1001), start
        self._origin: Fraction | None = None
        self._last: Fraction | None = None

    def time_of(self, picture: av.VideoFrame) -> Fraction:
        """The time of the next frame in the order in which they are shown."""
        own = None if picture.pts is None or picture.time_base is None else picture.pts * picture.time_base
        if own is None:
            time = self._next
        else:
            self._origin = own - self._next if self._origin is None else self._origin
            time = own - self._origin
        if self._last is not None and time <= self._last:
            time = self._last + self._interval
            self._origin = None if own is None else own - time
        self._last, self._next = time, time + self._interval
        return time
