"""How far two trainings in float32 are apart, held against the noise.

The noise is the distance of a training run from the same run in the same framework, with every weight and input moved
by one unit in the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.side import Side, StepOutcome
from paddle_tsm.parity.steps import Batches
from paddle_tsm.parity.tolerance import LEAST_NOISE, TOLERANCES
from paddle_tsm.training.nudge import nudge

PERTURBED_RUNS = 3  # of each framework


@dataclass
class Float32Gap:
    """The relative distance between the frameworks, of one quantity at each step, and the noise up to that step.

    name: the quantity. judged: False for the gradient norm, which has no verdict: rounding errors cancel in this one
    number, so that the noise of a few runs is small by chance (docs/measurements/parity.md).
    """

    name: str
    gap: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    judged: bool = True

    @property
    def ratios(self) -> list[float]:
        """gap / noise at each step."""
        return [gap / noise for gap, noise in zip(self.gap, self.noise)]

    @property
    def worst(self) -> tuple[int, float]:
        """The step, counted from 1, at which gap / noise is largest, and that ratio."""
        step = int(np.argmax(self.ratios))
        return step + 1, self.ratios[step]

    @property
    def passed(self) -> bool:
        """Whether the gap is finite and, where it is judged, within the stated factor of the noise at every step."""
        within = not self.judged or self.worst[1] <= TOLERANCES["float32 steps"].limit
        return bool(np.isfinite(self.gap).all() and within)


def step_results(side: Side, batches: Batches, lr: float, seed: int | None = None) -> list[StepOutcome]:
    """Train the side and return each step's result. seed: for the nudge of the inputs; None leaves them as they are."""
    side.start_training(lr)
    results = []
    for number, (x, target) in enumerate(batches, 1):
        moved = x if seed is None else nudge(x, np.random.default_rng([seed, number]))
        results.append(side.train_step(moved, target))
    return results


def measure_gaps(
    reference: Callable[[int | None], Side],
    other: Callable[[int | None], Side],
    batches: Batches,
    lr: float,
    progress: Callable[[str], None] = lambda part: None,
) -> list[Float32Gap]:
    """The gaps of loss, gradient norm and logits between two trainings in float32.

    reference, other: functions from a seed for `nudged_weights`, or None for the weights as they are, to a new float32
    side. Each framework trains once as it is and `PERTURBED_RUNS` times with nudged weights and inputs. The noise at a
    step is the largest distance of a framework from itself up to that step, because the distance of a single run goes
    up and down; it is at least `LEAST_NOISE`. progress: called with the name of each run before it begins.
    """
    runs, noises = [], []
    for build in (reference, other):
        side = build(None)
        progress(f"{side.name} float32 training")
        runs.append(step_results(side, batches, lr))
        for seed in range(1, PERTURBED_RUNS + 1):
            progress(f"{side.name} float32 training, nudged run {seed} of {PERTURBED_RUNS}")
            noises.append(distances(runs[-1], step_results(build(seed), batches, lr, seed)))
    gaps = []
    for name, gap in distances(*runs).items():
        largest = np.max([noise[name] for noise in noises], axis=0)
        noise = np.maximum(np.maximum.accumulate(largest), LEAST_NOISE)
        gaps.append(Float32Gap(name, list(map(float, gap)), list(map(float, noise)), judged=name != "gradient norm"))
    return gaps


def distances(reference: list[StepOutcome], other: list[StepOutcome]) -> dict[str, list[float]]:
    """The relative distance of two runs at each step: of the loss, the gradient norm and the logits."""
    pairs = list(zip(reference, other, strict=True))
    return {
        "loss": [distance(np.array(a.loss), np.array(b.loss))[1] for a, b in pairs],
        "gradient norm": [distance(np.array(a.grad_norm), np.array(b.grad_norm))[1] for a, b in pairs],
        "logits": [distance(a.logits, b.logits)[1] for a, b in pairs],
    }
