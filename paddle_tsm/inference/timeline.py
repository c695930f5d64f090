"""A timeline: which class a video shows from when to when, found from the probabilities of sliding windows.

The time is cut into cells of one step. The probabilities of a cell are the mean over the windows that cover its middle.
The spans are those that make the cells most probable, where every change of class costs a factor, so that a single
doubtful window does not cut a span in two (Viterbi's algorithm with one cost for all changes).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from paddle_tsm.inference.windows import Window

LEAST = 1e-6  # a probability below it counts as this one, so that no single window decides by itself


@dataclass(frozen=True)
class Span:
    """A time of one class. start, end: in seconds. label: the class. probability: its mean over the cells."""

    start: float
    end: float
    label: int
    probability: float


@dataclass
class Run:
    """A run of cells of one class, in one way to label the cells so far.

    begin: its first cell. sum: of the class's probabilities in front of that cell. before: the run in front of it, and
    before_sum: the sum of the probabilities of that run's class in front of this run.
    """

    label: int
    begin: int
    sum: float
    before: Run | None = None
    before_sum: float = 0.0


class Timeline:
    """Takes windows in their order, and gives spans as soon as no later window can change them.

    length, step: of the windows, in seconds; a step is at most a window. steady: a change of class must make a window's
    time so many times as probable; 1: every cell has its most probable class.
    """

    def __init__(self, length: Fraction, step: Fraction, steady: float):
        self._length, self._step = length, step
        self._cost, self._weight = math.log(steady), float(step / length)
        self._recent: deque[tuple[int, np.ndarray]] = deque()  # (number, probabilities) of windows that cover cells
        self._cell = 0  # the next one
        self._scores, self._sums = np.zeros(0), np.zeros(0)
        self._runs: list[Run] = []  # the last run of the best way that ends in each class

    def add(self, window: Window, probabilities: np.ndarray) -> Iterator[Span]:
        """The spans that are certain once the next window, with `probabilities` [K], is known."""
        while self._cell < window.number:  # this window and later ones cover no earlier cell
            yield from self._next_cell()
        self._recent.append((window.number, probabilities))

    def close(self, end: Fraction) -> Iterator[Span]:
        """The spans that remain. end: of the video, in seconds; the last span reaches to it."""
        while self._cell * self._step < end and self._covering():
            yield from self._next_cell()
        yield from self._finish(float(end))

    def _covering(self) -> list[np.ndarray]:
        """The probabilities of the windows that cover the middle of the next cell."""
        while self._recent and (2 * (self._cell - self._recent[0][0]) + 1) * self._step >= 2 * self._length:
            self._recent.popleft()
        return [probabilities for number, probabilities in self._recent if number <= self._cell]

    def _next_cell(self) -> Iterator[Span]:
        covering = self._covering()
        if covering:
            self._label(np.mean(covering, axis=0, dtype="float64"))
            yield from self._certain()
        else:  # a gap
            yield from self._finish(float(self._cell * self._step))
        self._cell += 1

    def _label(self, probabilities: np.ndarray) -> None:
        """Go on by one cell: for each class, stay in it, or change to it from the best one."""
        if not self._runs:
            self._sums = np.zeros(len(probabilities))
            self._scores = np.zeros(len(probabilities))
            self._runs = [Run(label, self._cell, 0.0) for label in range(len(probabilities))]
        else:
            best = int(self._scores.argmax())
            change, came_from = self._scores[best] - self._cost, self._runs[best]
            for label in np.flatnonzero(self._scores < change):
                sums = float(self._sums[label]), float(self._sums[came_from.label])
                self._runs[label] = Run(int(label), self._cell, sums[0], came_from, sums[1])
            self._scores = np.maximum(self._scores, change) - self._scores[best]
        self._scores = self._scores + self._weight * np.log(np.maximum(probabilities, LEAST))
        self._sums = self._sums + probabilities

    def _certain(self) -> Iterator[Span]:
        """The first runs, as long as every way to label the cells agrees on where they begin and end."""
        while True:
            ways = [first_two(run) for run in self._runs]
            first, second = ways[0]
            followers = [two for one, two in ways if one is first and two is not None]
            if len(followers) < len(ways) or second is None or any(two.begin != second.begin for two in followers):
                return
            yield self._span(first, second.begin * float(self._step), second.begin, second.before_sum)
            for two in followers:
                two.before = None

    def _finish(self, end: float) -> Iterator[Span]:
        """The runs of the best way, the last one until `end`; then forget everything."""
        run = self._runs[int(self._scores.argmax())] if self._runs else None
        spans, cells = [], self._cell
        total = float(self._sums[run.label]) if run else 0.0
        while run:
            spans.append(self._span(run, end, cells, total))
            end, cells, total, run = run.begin * float(self._step), run.begin, run.before_sum, run.before
        self._runs = []
        self._recent.clear()
        yield from reversed(spans)

    def _span(self, run: Run, end: float, cells: int, total: float) -> Span:
        """The run as a span. cells, total: the cell behind it, and the sum of its class's probabilities there."""
        mean = (total - run.sum) / (cells - run.begin)
        return Span(run.begin * float(self._step), end, run.label, mean)


def first_two(run: Run) -> tuple[Run, Run | None]:
    """The first run of a way, and the second one, or None."""
    second = None
    while run.before is not None:
        run, second = run.before, run
    return run, second
