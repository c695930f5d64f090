"""The learning rate over a training, as mmengine's schedulers set it.

All schedulers of a training act together. Each changes the rate that those before it left. It counts its own steps,
which are epochs or iterations, acts only where begin <= step < end, and leaves the rate alone after that. No framework
is imported. Source: mmengine optim/scheduler/param_scheduler.py 01857d8 (`_get_value`, `step`) and
hooks/param_scheduler_hook.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scheduler:
    """What all schedulers have in common.

    begin, end: in epochs, or in iterations where `by_epoch` is False; an `end` of None never comes.
    convert_to_iter_based: what is given in epochs is converted to iterations and applied in each.
    Raises ValueError unless 0 <= begin < end.
    """

    begin: int = 0
    end: int | None = None
    by_epoch: bool = True
    convert_to_iter_based: bool = False

    def __post_init__(self):
        if self.begin < 0 or self.end is not None and self.end <= self.begin:
            raise ValueError(f"schedule: got begin {self.begin} and end {self.end}, wanted 0 <= begin < end")
        if self.convert_to_iter_based and not self.by_epoch:
            raise ValueError("schedule: convert_to_iter_based: got by_epoch=False, wanted a schedule in epochs")

    def rate(self, rate: float, base: float, epoch: int | None, iteration: int, epoch_length: int) -> float:
        """The rate that this scheduler makes of `rate` at the start of an iteration.

        base: the optimizer's own rate. epoch: the epoch that begins with this iteration, or None where none does.
        iteration: counted from the start of the training. epoch_length: the iterations of an epoch.
        """
        unit = epoch_length if self.convert_to_iter_based else 1
        now = epoch if self.by_epoch and not self.convert_to_iter_based else iteration
        begin, end = self.begin * unit, math.inf if self.end is None else self.end * unit
        if now is None or not begin <= now < end:
            return rate
        return self.next_rate(rate, base, now - begin, end - begin, unit)

    def next_rate(self, rate: float, base: float, step: int, length: float, unit: int) -> float:
        """The rate at a step from `begin` on, where step 0 is at `begin` and step `length` at `end`.

        unit: the steps in what the fields count, so the iterations of an epoch where these are converted, else 1.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class LinearLR(Scheduler):
    """A straight line from start_factor times the rate at `begin` to end_factor times the rate at `end` - 1.

    Raises ValueError for a start_factor outside (0, 1] and an end_factor outside [0, 1].
    """

    start_factor: float = 1 / 3
    end_factor: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        # mmengine also takes a start_factor of 0, and divides by it in the second step
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
    """The rate is multiplied by gamma at each milestone; milestones count from `begin`."""

    milestones: tuple[int, ...] = ()
    gamma: float = 0.1

    def next_rate(self, rate: float, base: float, step: int, length: float, unit: int) -> float:
        return rate * self.gamma ** [milestone * unit for milestone in self.milestones].count(step)


@dataclass(frozen=True)
class CosineAnnealingLR(Scheduler):
    """Half a cosine from the rate at `begin` to eta_min after T_max steps, where None stands for end - begin.

    The rate of the last step before `end` stays after it. eta_min is a rate, not a factor, and the same for every
    parameter group. Raises ValueError where neither T_max nor `end` is given.
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
        if (step - 1 - period) % (2 * period) == 0:  # one step after the lowest point; the ratio below would be 0 / 0
            return rate + (base - self.eta_min) * (1 - math.cos(math.pi / period)) / 2
        fall = (1 + math.cos(math.pi * step / period)) / (1 + math.cos(math.pi * (step - 1) / period))
        return fall * (rate - self.eta_min) + self.eta_min


def learning_rates(lr: float, schedulers: Sequence[Scheduler], epochs: int, epoch_length: int) -> np.ndarray:
    """The rate of every iteration, float64 [epochs, epoch_length].

    lr: the optimizer's rate. schedulers: in mmengine's order. A parameter group with a multiplier has these rates times
    it, except under an `eta_min` above 0, which has no multiplier.
    """
    rates = np.empty((epochs, epoch_length))
    rate = lr
    for iteration in range(epochs * epoch_length):
        epoch, within = divmod(iteration, epoch_length)
        # mmengine steps a scheduler that counts iterations after each, one that counts epochs after that
        epochs_last = sorted(schedulers, key=lambda s: s.by_epoch and not s.convert_to_iter_based)
        for scheduler in epochs_last if iteration else schedulers:
            rate = scheduler.rate(rate, lr, None if within else epoch, iteration, epoch_length)
        rates[epoch, within] = rate
    return rates
