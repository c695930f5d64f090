"""The learning rate over a training, as mmengine's schedulers set it: all of them at once, one on top of the other.

Every scheduler changes the rate that the others left, in the order given, each in its own steps (epochs or
iterations) and only while begin <= step < end; after its end it leaves the rate as it is. No framework is imported.
Source: mmengine optim/scheduler/param_scheduler.py 01857d8 (`_get_value`, `step`), hooks/param_scheduler_hook.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scheduler:
    """begin, end: in epochs, or in iterations without `by_epoch`; end None: never. convert_to_iter_based: everything
    is given in epochs and applied in iterations, an epoch being as many as it has."""

    begin: int = 0
    end: int | None = None
    by_epoch: bool = True
    convert_to_iter_based: bool = False

    def __post_init__(self):
        if self.begin < 0 or self.end is not None and self.end <= self.begin:
            raise ValueError(f"schedule: got begin {self.begin} and end {self.end}, wanted 0 <= begin < end")
        if self.convert_to_iter_based and not self.by_epoch:
            raise ValueError("schedule: convert_to_iter_based: got by_epoch=False, wanted a schedule in epochs")

    def rate(self, rate: float, base: float, epoch: int, iteration: int, epoch_length: int) -> float:
        """The rate after this scheduler, from the `rate` before it, at the start of this iteration of the training.

        base: the optimizer's own rate. epoch: the epoch of the iteration, or None within one.
        """
        unit = epoch_length if self.convert_to_iter_based else 1
        now = epoch if self.by_epoch and not self.convert_to_iter_based else iteration
        begin, end = self.begin * unit, math.inf if self.end is None else self.end * unit
        if now is None or not begin <= now < end:
            return rate
        return self.next_rate(rate, base, now - begin, end - begin, unit)


@dataclass(frozen=True)
class LinearLR(Scheduler):
    """start_factor times the rate at `begin`, end_factor times at `end` - 1, a straight line between."""

    start_factor: float = 1 / 3
    end_factor: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        # mmengine also takes 0, and then divides by it in the second step
        if not (0 < self.start_factor <= 1 and 0 <= self.end_factor <= 1):
            raise ValueError(
                f"LinearLR: got the factors {self.start_factor} and {self.end_factor}, wanted them in (0, 1] and [0, 1]"
            )

    def next_rate(self, rate: float, base: float, step: int, length: float, unit: int) -> float:
        if step == 0:
            return rate * self.start_factor
        rise = self.end_factor - self.start_factor
        return rate * (1 + rise / ((length - 1) * self.start_factor + (step - 1) * rise))


@dataclass(frozen=True)
class MultiStepLR(Scheduler):
    """The rate times gamma at each milestone, counted from `begin`."""

    milestones: tuple[int, ...] = ()
    gamma: float = 0.1

    def next_rate(self, rate: float, base: float, step: int, length: float, unit: int) -> float:
        return rate * self.gamma ** [milestone * unit for milestone in self.milestones].count(step)


@dataclass(frozen=True)
class CosineAnnealingLR(Scheduler):
    """Half a cosine from the rate at `begin` towards eta_min, reached after T_max steps; T_max None: end - begin.

    The rate at the last step before `end` is the one that stays. eta_min is absolute, for every parameter group.
    """

    T_max: int | None = None
    eta_min: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        if self.T_max is None and self.end is None:
            raise ValueError("CosineAnnealingLR: got neither T_max nor end, wanted one of them")

    def next_rate(self, rate: float, base: float, step: int, length: float, unit: int) -> float:
        period = length if self.T_max is None else self.T_max * unit
        if step == 0:
            return rate
        if (step - 1 - period) % (2 * period) == 0:  # after the lowest point, where the ratio below is 0 / 0
            return rate + (base - self.eta_min) * (1 - math.cos(math.pi / period)) / 2
        fall = (1 + math.cos(math.pi * step / period)) / (1 + math.cos(math.pi * (step - 1) / period))
        return fall * (rate - self.eta_min) + self.eta_min


def learning_rates(lr: float, schedulers, epochs: int, epoch_length: int) -> np.ndarray:
    """The rate of every iteration, float64 [epochs, epoch_length].

    lr: the optimizer's rate. schedulers: in mmengine's order. A group with a multiplier has the rates of `lr` times
    it; with an `eta_min` above 0 these are not a multiple of the others'.
    """
    rates = np.empty((epochs, epoch_length))
    rate = lr
    for iteration in range(epochs * epoch_length):
        epoch, within = divmod(iteration, epoch_length)
        # those that count iterations step at the end of an iteration, the others when the epoch has ended
        late_epochs = sorted(schedulers, key=lambda s: s.by_epoch and not s.convert_to_iter_based)
        for scheduler in late_epochs if iteration else schedulers:
            rate = scheduler.rate(rate, lr, None if within else epoch, iteration, epoch_length)
        rates[epoch, within] = rate
    return rates
