"""PaddleVideo's cosine schedule with a warm-up, which SlowFast introduced."""

from __future__ import annotations

import math
from dataclasses import dataclass

from paddle_tsm.training.schedule import Scheduler


@dataclass(frozen=True)
class SlowFastLR(Scheduler):
    """After e epochs the rate is c(e) = base * (1 + cos(pi * e / epochs)) / 2, where e changes with every update.

    In the first `warmup` epochs it is a straight line from warmup_factor * base to c(warmup). So the cosine begins with
    the training and not, as mmengine's, where the warm-up ends. The rate that other schedulers left is not used.
    Source: PaddleVideo ed245e9, paddlevideo/solver/custom_lr.py `CustomWarmupCosineDecay`.
    """

    epochs: int = 1
    warmup: int = 0
    warmup_factor: float = 0.1

    def rate(self, rate: float, base: float, epoch: int | None, iteration: int, epoch_length: int) -> float:
        """The rate at the start of this iteration; see `Scheduler.rate`."""
        now = iteration / epoch_length
        if now >= self.warmup:
            return self.cosine(base, now)
        start, end = self.warmup_factor * base, self.cosine(base, self.warmup)
        return start + (end - start) * now / self.warmup

    def cosine(self, base: float, now: float) -> float:
        """c(now)."""
        return base * (1 + math.cos(math.pi * now / self.epochs)) / 2
