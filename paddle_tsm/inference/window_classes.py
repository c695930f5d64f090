"""The timeline of one source: from its frames to spans."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import Preset
from paddle_tsm.inference.probabilities import class_probabilities
from paddle_tsm.inference.timeline import Span, Timeline
from paddle_tsm.inference.video_classes import Run
from paddle_tsm.inference.windows import SlidingWindows, Window
from paddle_tsm.videos.decoded_frame import DecodedFrame


class WindowClasses:
    """Runs a network on the sliding windows of one source.

    run: the network. preset: of the pixels. num_segments: frames of a window. length, step: of the windows in seconds.
    steady: see `Timeline`.
    """

    def __init__(self, run: Run, preset: Preset, num_segments: int, length: Fraction, step: Fraction, steady: float):
        self._run, self._preset, self._count = run, preset, num_segments
        self._windows = SlidingWindows(length, step, num_segments, self._input_of)
        self._timeline = Timeline(length, step, steady)

    @property
    def seconds(self) -> float:
        """Where the last frame ends."""
        return float(self._windows.end)

    def add(self, frame: DecodedFrame) -> Iterator[Span]:
        """The spans that are certain with the next frame."""
        for window in self._windows.add(frame.time, frame.rgb):
            yield from self._timeline.add(window, self._probabilities(window))

    def close(self) -> Iterator[Span]:
        """The spans that remain at the end."""
        for window in self._windows.close():
            yield from self._timeline.add(window, self._probabilities(window))
        yield from self._timeline.close(self._windows.end)

    def _input_of(self, picture):
        """[crops, C, H, W] of a frame, RGB [H, W, 3] uint8."""
        return views_of(self._preset, [picture])

    def _probabilities(self, window: Window):
        return class_probabilities(self._run(window.views()), self._preset.average)
