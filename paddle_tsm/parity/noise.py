"""A training run and the same run with everything moved by one unit in the last place: what a gap is to be held
against.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.tolerance import LEAST_NOISE, TOLERANCES
from paddle_tsm.training.nudge import nudge

PERTURBATIONS = 3  # of each framework


@dataclass
class Gap:
    """Per step, relative, of the quantity `name`: the distance between the frameworks, and the noise up to that step.

    judged: False for what is shown without a verdict: the gradient norm, in which rounding errors cancel, so that the
    noise of a few runs is small by chance (a ratio of 7 was measured at a first step, where loss and logits had 0.4 and
    1.1).
    """

    name: str
    gap: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    judged: bool = True

    @property
    def ratios(self) -> list[float]:
        return [gap / noise for gap, noise in zip(self.gap, self.noise)]

    @property
    def worst(self) -> tuple[int, float]:
        """(step, counted from 1, ratio)."""
        step = int(np.argmax(self.ratios))
        return step + 1, self.ratios[step]

    @property
    def passed(self) -> bool:
        """Finite and, where judged, never further apart than the stated factor over the noise."""
        within = not self.judged or self.worst[1] <= TOLERANCES["float32 steps"].limit
        return bool(np.isfinite(self.gap).all() and within)


def train(side, batches, lr: float, seed: int | None = None, step=lambda number: None) -> list:
    """The StepResult of each batch. seed: of the nudge of every batch; None leaves them alone."""
    side.start_training(lr)
    results = []
    for number, (x, target) in enumerate(batches, 1):
        step(number)
        moved = x if seed is None else nudge(x, np.random.default_rng([seed, number]))
        results.append(side.train_step(moved, target))
    return results


def measure_gap(reference, other, batches, lr: float, step=lambda part: None) -> list[Gap]:
    """Float32 training in both frameworks and, `PERTURBATIONS` times each, moved by one unit in the last place.

    reference, other: functions from a seed (None: the weights as they are) to a fresh float32 side. The noise at a step
    is the largest distance of either framework from itself in any of its perturbed runs, up to that step (a single
    run's goes up and down), and at least float32's last place. Returns the gaps of loss, gradient norm and logits.
    """
    runs, noises = [], []
    for build in (reference, other):
        side = build(None)
        step(f"{side.name} float32 training")
        runs.append(train(side, batches, lr))
        for seed in range(1, PERTURBATIONS + 1):
            step(f"{side.name} float32 training, moved {seed} of {PERTURBATIONS}")
            noises.append(distances(runs[-1], train(build(seed), batches, lr, seed)))
    gaps = []
    for name, gap in distances(*runs).items():
        largest = np.max([noise[name] for noise in noises], axis=0)
        noise = np.maximum(np.maximum.accumulate(largest), LEAST_NOISE)
        gaps.append(Gap(name, list(map(float, gap)), list(map(float, noise)), judged=name != "gradient norm"))
    return gaps


def distances(reference: list, other: list) -> dict[str, list[float]]:
    """Per step, the relative distance of two runs: loss, gradient norm, logits."""
    pairs = list(zip(reference, other, strict=True))
    return {
        "loss": [distance(np.array(a.loss), np.array(b.loss))[1] for a, b in pairs],
        "gradient norm": [distance(np.array(a.grad_norm), np.array(b.grad_norm))[1] for a, b in pairs],
        "logits": [distance(a.logits, b.logits)[1] for a, b in pairs],
    }
