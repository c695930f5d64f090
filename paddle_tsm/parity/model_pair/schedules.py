"""Learning rates that change from step to step, the same in both frameworks or each framework's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Scheduler = Callable[[Any], Any]  # from the framework's optimizer to a scheduler with a method step


@dataclass(frozen=True)
class SchedulePair:
    """rate: a function (step, from 0) to the learning rate, or None. torch, paddle: functions (optimizer) to the
    framework's scheduler, or None.
    """

    rate: Callable[[int], float] | None = None
    torch: Scheduler | None = None
    paddle: Scheduler | None = None


def schedule_pair(schedule: Any, steps: int) -> SchedulePair:
    """The schedule that is asked for.

    schedule: None for one rate; the rate of each step; a function (step, from 0) to the rate; or a pair of functions
    (PyTorch's optimizer) to a scheduler and (Paddle's optimizer) to a scheduler, both of which are stepped after each
    step. Raises ValueError for anything else.
    """
    if schedule is None:
        return SchedulePair()
    if callable(schedule):
        return SchedulePair(lambda step: float(schedule(step)))
    if isinstance(schedule, (Sequence, np.ndarray)) and not isinstance(schedule, str):
        if len(schedule) == 2 and all(map(callable, schedule)):
            return SchedulePair(torch=schedule[0], paddle=schedule[1])
        if all(isinstance(rate, (int, float, np.floating)) for rate in schedule):
            if len(schedule) < steps:
                raise ValueError(f"schedule: got {len(schedule)} rates, wanted one for each of {steps} steps")
            return SchedulePair(lambda step: float(schedule[step]))
    raise ValueError(
        f"schedule: got {schedule!r}, wanted the rate of each step, a function (step) to the rate, or a pair of "
        "functions (optimizer) to a scheduler"
    )


def set_torch_rate(optimizer: Any, rate: float) -> None:
    """Give PyTorch's optimizer a rate. A group that began with a multiple of the optimizer's rate keeps its factor."""
    for group in optimizer.param_groups:
        factor = group.setdefault("factor of the rate", group["lr"] / optimizer.defaults["lr"])
        group["lr"] = rate * factor


def set_paddle_rate(optimizer: Any, rate: float) -> None:
    """Give Paddle's optimizer a rate. Its groups have factors of it. Raises ValueError where it has a scheduler."""
    if not isinstance(optimizer._learning_rate, float):
        raise ValueError(
            "schedule: Paddle's optimizer has a scheduler already; give a pair of functions (optimizer) to a scheduler"
        )
    optimizer.set_lr(rate)


def torch_scheduler(make: Scheduler, optimizer: Any) -> Any:
    """The caller's scheduler of PyTorch's optimizer. Raises ValueError for anything else."""
    scheduler = make(optimizer)
    if not hasattr(scheduler, "step"):
        raise ValueError(f"schedule: the function for PyTorch made {scheduler!r}, wanted a scheduler of PyTorch")
    return scheduler


def paddle_scheduler(make: Scheduler, optimizer: Any) -> Any:
    """The caller's scheduler, which Paddle's optimizer takes its rate from afterwards. Raises ValueError for anything
    else.
    """
    from paddle.optimizer.lr import LRScheduler

    scheduler = make(optimizer)
    if not isinstance(scheduler, LRScheduler):
        raise ValueError(f"schedule: the function for Paddle made {scheduler!r}, wanted a scheduler of Paddle")
    if optimizer._learning_rate is not scheduler:
        optimizer.set_lr_scheduler(scheduler)
    return scheduler
