"""Sliding windows over a video that is read once, frame after frame, while only the frames that are needed are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

ONE_FRAME = Fraction(1, 30)  # seconds for which the only frame of a video is shown
HALF_TICK = Fraction(1, 2000)  # seconds; containers round times to milliseconds


@dataclass
class Window:
    """A window that begins at `number` steps. frames: the network's input so far, each [crops, C, H, W]."""

    number: int
    frames: list[np.ndarray] = field(default_factory=list)

    def views(self) -> np.ndarray:
        """float32 [crops * T, C, H, W], the frames of a view adjacent, as `views_of` gives them."""
        return np.stack(self.frames, axis=1).reshape(-1, *self.frames[0].shape[1:])


class SlidingWindows:
    """Cuts frames into windows of `length` seconds, one every `step` seconds, of `count` frames each.

    A window's frames are those shown in the middle of each of `count` equal parts of it. At a constant rate these are
    the frames that the sampling "uniform" takes of a video which is as long as the window. `input_of(picture)`, called
    once for each frame that is needed, makes network input [crops, C, H, W] of it.
    """

    def __init__(self, length: Fraction, step: Fraction, count: int, input_of: Callable):
        self.length, self.step, self.count = length, step, count
        self.end = Fraction(0)  # of the last frame
        self._input_of = input_of
        self._open: deque[Window] = deque()
        self._following = 0  # the number of the next window
        self._shown: tuple[Fraction, Callable[[], np.ndarray]] | None = None  # the frame before: (its time, picture)
        self._input: np.ndarray | None = None  # what the network takes of it
        self._interval = Fraction(0)

    def add(self, time: Fraction, picture: Callable[[], np.ndarray]) -> list[Window]:
        """The windows that are complete once the next frame, shown from `time` in seconds, is known.

        picture: gives the frame, RGB [H, W, 3] uint8; it is called later, and only where the frame is needed. Windows
        in a gap of more than half a window are left out.
        """
        complete = []
        if self._shown is not None:
            gap = time - self._shown[0]
            if gap > self.length / 2 and gap > 2 * self._interval > 0:
                complete = self._show_until(self._shown[0] + self._interval)
                self._open.clear()
                self._following = max(self._following, -(-time // self.step))
            else:
                self._interval = gap
                complete = self._show_until(time)
        self._shown, self._input = (time, picture), None
        self.end = time + self._interval
        return complete

    def close(self) -> list[Window]:
        """The last windows, at the end of the video. One that is more than half there is completed by the last frame,
        and so is the only one of a video that is shorter than a window.
        """
        if self._shown is None:
            return []
        self.end = self._shown[0] + (self._interval or ONE_FRAME)
        complete = self._show_until(self.end)
        for window in self._open:
            if 2 * len(window.frames) > self.count or window.number == 0:
                window.frames += [self._current()] * (self.count - len(window.frames))
                complete.append(window)
        self._open.clear()
        return complete

    def _show_until(self, end: Fraction) -> list[Window]:
        """Give the frame that is shown until `end` to the windows that take it; return those that are complete then."""
        while self._following * self.step < end:
            self._open.append(Window(self._following))
            self._following += 1
        for window in self._open:
            while len(window.frames) < self.count and self._wanted(window) < end - HALF_TICK:
                window.frames.append(self._current())
        complete = []
        while self._open and len(self._open[0].frames) == self.count:
            complete.append(self._open.popleft())
        return complete

    def _wanted(self, window: Window) -> Fraction:
        """The time of the next frame that a window takes."""
        return window.number * self.step + (2 * len(window.frames) + 1) * self.length / (2 * self.count)

    def _current(self) -> np.ndarray:
        """The network's input from the frame that is shown."""
        if self._input is None:
            assert self._shown is not None
            self._input = self._input_of(self._shown[1]())
        return self._input
