"""How long a clip takes in a variant, and how much of that is the shift's."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from paddle_tsm.ablation.variants import BASELINE, Variant
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.models.create import build
from paddle_tsm.networks.network import Network

WARM_UP = 2  # runs that are not counted


@dataclass(frozen=True)
class Setting:
    """What is timed: one clip of 8 frames of `size` x `size` pixels through the architecture `arch`, `runs` times."""

    arch: str = "tsm_resnet50"
    size: int = 224
    runs: int = 15


@dataclass(frozen=True)
class Latency:
    """Seconds of each run of a variant, and of the same network without shift, which ran in turn with it."""

    variant: list[float]
    baseline: list[float]

    def milliseconds(self) -> float:
        """The median."""
        return 1e3 * float(np.median(self.variant))

    def share(self) -> float:
        """The share of the shift: what the variant's median has more than the baseline's, as a part of it."""
        return 1 - float(np.median(self.baseline)) / float(np.median(self.variant))

    def spread(self) -> tuple[float, float]:
        """The quartiles of the share over the pairs of runs that followed each other."""
        low, high = np.percentile(1 - np.array(self.baseline) / np.array(self.variant), (25, 75))
        return float(low), float(high)


def time_variant(variant: Variant, setting: Setting) -> Latency:
    """Run the variant and the network without shift in turn. The weights are drawn: the time does not depend on them.

    Where the variant is the network without shift, it is timed against another one of the same kind: its share says
    how far a share of nothing is measured from 0.
    """
    runs = [run_of(build(Network(setting.arch, 8, **one.options))) for one in (variant, BASELINE)]
    x = np.random.default_rng(0).standard_normal((8, 3, setting.size, setting.size), "float32")
    seconds: tuple[list[float], list[float]] = ([], [])
    for count in range(WARM_UP + setting.runs):
        order = (0, 1) if count % 2 else (1, 0)  # neither is always the first
        for which in order:
            start = time.perf_counter()
            runs[which](x)
            seconds[which].append(time.perf_counter() - start)
    return Latency(*(one[WARM_UP:] for one in seconds))
