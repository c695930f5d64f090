"""The same optimizer in both frameworks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class OptimizerPair:
    """torch, paddle: functions (parameters, lr) to an optimizer of the framework. lr: the learning rate; None for one
    that moves the weights a little (`step_size.py`).
    """

    torch: Callable[[list[Any], float], Any]
    paddle: Callable[[list[Any], float], Any]
    lr: float | None = None


def optimizer_pair(optimizer: Any = None) -> OptimizerPair:
    """The pair that is asked for."""
    import paddle
    import torch

    momentum = float(np.float32(0.9))
    return OptimizerPair(
        lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=momentum),
        lambda parameters, lr: paddle.optimizer.Momentum(parameters=parameters, learning_rate=lr, momentum=momentum),
    )
