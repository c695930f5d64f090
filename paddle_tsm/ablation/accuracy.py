"""The accuracy of a variant over its seeds, and how far it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paddle_tsm.ablation.trained_run import RunResult

QUANTILE = 1.959964  # of the normal distribution: 95 % lie within so many standard deviations


@dataclass(frozen=True)
class Accuracy:
    """Fractions from 0 to 1. mean: over the seeds. low, high: its 95 % interval, as in `accuracy_of`. worst, best: of
    the seeds.
    """

    mean: float
    low: float
    high: float
    worst: float
    best: float
    clips: int
    seeds: int


def accuracy_of(runs: Sequence[RunResult], alike: int) -> Accuracy:
    """The accuracy over the runs of a variant, one for each seed, on the same clips. alike: how many clips are one
    case.

    The interval is Wilson's for the number of cases. It is not multiplied by the number of seeds, because all of them
    see the same clips.
    """
    of_seeds = [one.top1 for one in runs]
    mean, clips = sum(of_seeds) / len(runs), runs[0].clips
    interval = wilson_interval(mean, clips // alike)
    return Accuracy(mean, *interval, min(of_seeds), max(of_seeds), clips, len(runs))


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share that was found among `count` (E. B. Wilson 1927, JASA 22).

    It does not leave [0, 1] and has a width where the share is 0 or 1.
    """
    square = QUANTILE**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = QUANTILE / (1 + square / count) * (share * (1 - share) / count + square / (4 * count**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
