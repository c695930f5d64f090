"""Sliding windows: the frames of a window are those that a video of its length would give, and few are kept."""

import weakref
from fractions import Fraction

import numpy as np
import pytest

from paddle_tsm.data.sampling import uniform
from paddle_tsm.inference.windows import SlidingWindows

T = 8


def windows_of(times, length, step, count=T):
    """[(number, the indices of its frames)] of a video whose frames are shown from `times`."""
    windows = SlidingWindows(Fraction(length), Fraction(step), count, lambda picture: picture)
    found = []
    for index, time in enumerate(times):
        picture = np.full((1, 1, 1, 1), index)
        found += windows.add(time, lambda picture=picture: picture)
    found += windows.close()
    return [(window.number, [int(frame.max()) for frame in window.frames]) for window in found]


def at_rate(frames: int, rate, tick=None) -> list[Fraction]:
    """Times of frames; tick: the seconds to whose multiples the container rounds."""
    times = [Fraction(i) / Fraction(rate) for i in range(frames)]
    return times if tick is None else [round(time / tick) * Fraction(tick) for time in times]


@pytest.mark.parametrize("tick", [None, Fraction(1, 1000)], ids=["exact", "milliseconds"])
@pytest.mark.parametrize(
    "rate, length, step", [(8, 2, 2), (25, 4, 1), (30, 2, "0.5"), ("30000/1001", "4.004", "1.001")]
)
def test_the_frames_of_uniform_sampling(rate, length, step, tick):
    length, step, rate = Fraction(length), Fraction(step), Fraction(rate)
    frames = int(10 * rate)
    found = windows_of(at_rate(frames, rate, tick), length, step)
    within = [number for number in range(1000) if (number * step + length) * rate <= frames]
    assert [number for number, _ in found][: len(within)] == within
    for number, indices in found[: len(within)]:
        if (number * step * rate).denominator == 1:
            assert indices == (uniform(int(length * rate), T) + int(number * step * rate)).tolist()


def test_a_frame_stays_until_the_next_one():
    times = [Fraction(t) for t in ("0", "0.1", "0.9", "1.0", "1.9")]
    assert windows_of(times, 2, 2, 4) == [(0, [1, 1, 3, 3])]


def test_a_video_that_is_shorter_than_a_window():
    assert windows_of(at_rate(4, 8), 2, 2) == [(0, [1, 3, 3, 3, 3, 3, 3, 3])]
    assert windows_of(at_rate(1, 8), 2, 2) == [(0, [0] * 8)]
    assert windows_of([], 2, 2) == []


def test_the_rest_of_a_video():
    """A window that is more than half there counts; the rest of a shorter one does not."""
    assert [number for number, _ in windows_of(at_rate(16 + 11, 8), 2, 2)] == [0, 1]
    assert [number for number, _ in windows_of(at_rate(16 + 7, 8), 2, 2)] == [0]


def test_no_window_lies_in_a_gap():
    times = at_rate(32, 8) + [time + 10 for time in at_rate(32, 8)]
    found = windows_of(times, 2, 1)
    assert [number for number, _ in found] == [0, 1, 2, 10, 11, 12]
    assert found[3][1] == (uniform(16, T) + 32).tolist()


def test_few_frames_are_kept_and_each_is_prepared_once():
    kept, prepared = weakref.WeakSet(), []

    class Picture(np.ndarray):
        """An array that a WeakSet can hold."""

        def __hash__(self):
            return id(self)

    def input_of(index):
        prepared.append(index)
        picture = np.zeros((1, 1, 1, 1)).view(Picture)
        kept.add(picture)
        return picture

    windows, most = SlidingWindows(Fraction(2), Fraction(1), T, input_of), 0
    for index, time in enumerate(at_rate(30 * 60, 30)):
        windows.add(time, lambda index=index: index)
        most = max(most, len(kept))
    assert len(prepared) == len(set(prepared)) and most <= 2 * T
