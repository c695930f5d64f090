"""A timeline is the most probable way to label a video: against every way, tried out; and gaps, and what is certain."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from paddle_tsm.inference.timeline import Span, Timeline
from paddle_tsm.inference.windows import Window

CLASSES = 3


def spans(probabilities, steady: float, length=2, step=2, numbers=None, end=None) -> list[Span]:
    timeline, found = Timeline(Fraction(length), Fraction(step), steady), []
    numbers = range(len(probabilities)) if numbers is None else numbers
    for number, row in zip(numbers, probabilities):
        found += timeline.add(Window(number), np.asarray(row))
    return found + list(timeline.close(Fraction(end or (numbers[-1] * step + length))))


def labels(found: list[Span], step: int) -> list[int]:
    return [one.label for one in found for _ in range(round((one.end - one.start) / step))]


def worth(labels, probabilities, steady: float) -> float:
    """The logarithm of how probable the labels make the windows, less the cost of their changes."""
    changes = sum(a != b for a, b in itertools.pairwise(labels))
    return sum(math.log(row[label]) for label, row in zip(labels, probabilities)) - changes * math.log(steady)


@pytest.mark.parametrize("steady", [1, 3, 10])
def test_no_way_is_more_probable(steady):
    rng = np.random.default_rng(steady)
    for _ in range(60):
        probabilities = rng.dirichlet([0.5] * CLASSES, rng.integers(1, 8)) * 0.99 + 0.01 / CLASSES
        found = spans(probabilities, steady)
        best = max(
            worth(way, probabilities, steady) for way in itertools.product(range(CLASSES), repeat=len(probabilities))
        )
        assert worth(labels(found, 2), probabilities, steady) == pytest.approx(best, abs=1e-9)
        assert found[0].start == 0 and all(
            a.end == b.start and a.label != b.label for a, b in itertools.pairwise(found)
        )
        for one in found:
            cells = probabilities[round(one.start / 2) : round(one.end / 2), one.label]
            assert one.probability == pytest.approx(cells.mean())


def rows(text: str, sure: float) -> np.ndarray:
    """A window a letter: a, b or c with the probability `sure`."""
    rest = (1 - sure) / (CLASSES - 1)
    return np.array([[sure if label == "abc".index(letter) else rest for label in range(CLASSES)] for letter in text])


def test_a_doubtful_window_does_not_cut_a_segment():
    assert labels(spans(rows("aaaabaaa", 0.8), 10), 2) == [0] * 8
    assert labels(spans(rows("aaaabaaa", 0.8), 1), 2) == [0, 0, 0, 0, 1, 0, 0, 0]
    assert labels(spans(rows("aaaabaaa", 0.99), 10), 2) == [0, 0, 0, 0, 1, 0, 0, 0], "one that is sure does"


def test_a_segment_is_given_as_soon_as_it_is_certain():
    timeline, given = Timeline(Fraction(2), Fraction(2), 10), []
    for number, row in enumerate(rows("aaabbb" + "c" * 50, 0.9)):
        given += [(number, one.start, one.end, one.label) for one in timeline.add(Window(number), row)]
    assert [one[1:] for one in given] == [(0.0, 6.0, 0), (6.0, 12.0, 1)]
    assert [one[0] for one in given] == [6, 9], "not at the end of the video"


def test_overlapping_windows_are_averaged():
    """A cell of one second has the mean of the two windows that cover it."""
    found = spans([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]], 1, length=2, step=1)
    assert [(one.start, one.end, one.label) for one in found] == [(0, 3, 0), (3, 5, 1)]
    assert found[0].probability == pytest.approx(np.mean([0.9, 0.9, 0.55]))


def test_a_gap_ends_a_segment():
    found = spans(rows("aaaa", 0.9), 10, numbers=[0, 1, 7, 8])
    assert [(one.start, one.end) for one in found] == [(0, 4), (14, 18)]


def test_the_last_segment_reaches_to_the_end():
    assert spans(rows("ab", 0.99), 1, end="5.5")[-1].end == 5.5
    assert spans(rows("ab", 0.99), 1, end="3.5")[-1].end == 3.5
