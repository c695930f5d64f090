"""PaddleVideo's cosine with a warm-up, which is SlowFast's."""

from __future__ import annotations

import math
from dataclasses import dataclass

from paddle_tsm.training.schedule import Scheduler


@dataclass(frozen=True)
class SlowFastLR(Scheduler):
    """c(e) = base * (1 + cos(pi * e / epochs)) / 2 at e epochs, counted with every update; in the first `warmup` epochs
    a straight line from warmup_factor * base to c(warmup) instead.

    Unlike mmengine's, the cosine has already begun when the warm-up ends. The rate before it is not looked at.
    Source: PaddleVideo ed245e9, paddlevideo/solver/custom_lr.py `CustomWarmupCosineDecay`.
    """

    epochs: int = 1
    warmup: int = 0
    warmup_factor: float = 0.1

    def rate(self, rate: float, base: float, epoch, iteration: int, epoch_length: int) -> float:
        now = iteration / epoch_length
        if now >= self.warmup:
            return self.cosine(base, now)
        start, end = self.warmup_factor * base, self.cosine(base, self.warmup)
        return start + (end - start) * now / self.warmup

    def cosine(self, base: float, now: float) -> float:
        return base * (1 + math.cos(math.pi * now / self.epochs)) / 2
