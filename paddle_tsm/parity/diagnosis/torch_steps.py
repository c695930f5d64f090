"""Which setting of an optimizer explains what a training step makes of equal weights and gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from paddle_tsm.parity.diagnosis.cause import Cause
from paddle_tsm.parity.diagnosis.relations import far
from paddle_tsm.parity.diagnosis.variation import number
from paddle_tsm.parity.model_pair.paddle_model import PaddleModel
from paddle_tsm.parity.model_pair.torch_model import TorchModel
from paddle_tsm.parity.tolerance import TOLERANCES

STEPS = 2  # a momentum shows in the second
SETTINGS: dict[str, tuple] = {
    "lr": (),
    "momentum": (0.0, 0.5, 0.9, 0.95, 0.99),
    "dampening": (0.9, 0.5),
    "nesterov": (True, False),
    "weight_decay": (0.0, 1e-4, 5e-4, 1e-3, 1e-2, 5e-2, 0.1),
    "eps": (1e-8, 1e-7, 1e-6, 1e-5, 1e-10, 1e-12),
    "amsgrad": (True, False),
    "decoupled_weight_decay": (True, False),
    "alpha": (0.9, 0.95, 0.99),
    "rho": (0.9, 0.95),
}
BETAS = ((0.9, 0.99), (0.9, 0.95), (0.5, 0.999), (0.0, 0.9), (0.95, 0.999), (0.9, 0.98), (0.8, 0.999))
OWN = {"momentum": "_momentum", "eps": "_epsilon", "weight_decay": "_regularization_coeff", "alpha": "_rho"}


def step_causes(
    torch_side: Callable[[], TorchModel], paddle_side: Callable[[], PaddleModel], batches: list, lr: float
) -> list[Cause]:
    """What explains the first steps. torch_side, paddle_side: make new sides in float64. batches: as those of
    `compare_steps`.
    """
    batches = batches[:STEPS]
    other = paddle_side()
    other.start_training(lr)
    run_steps(other, batches)
    goal = weights(other)

    def left(change: Callable[[Any], None]) -> float:
        side = torch_side()
        side.start_training(lr)
        change(side.optimizer)
        run_steps(side, batches)
        return max(far(array, goal[name]) for name, array in weights(side).items() if name in goal)

    before = left(lambda optimizer: None)
    limit = max(TOLERANCES["few steps"].limit, before * 1e-5)
    side = torch_side()
    side.start_training(lr)
    groups = getattr(side.optimizer, "param_groups", None)
    if before <= limit or not groups:
        return []
    for name, value in settings(groups[0], other.optimizer):
        distance = left(partial(set_all, name=name, value=value))
        if distance <= limit:
            old, new = written(groups[0][name]), written(value)
            words = f"after {len(batches)} steps the weights differ by {before:.1e}; with {name} {new} instead of {old}"
            return [Cause("the optimizer", name, old, new, f"the optimizer: {words} by {distance:.1g}")]
    return []


def settings(group: dict[str, Any], optimizer: Any) -> Iterator[tuple[str, Any]]:
    """(Name, another value) of each setting: first those of Paddle's optimizer, then usual ones."""
    for name, own in OWN.items():
        value = getattr(optimizer, own, None)
        if name in group and isinstance(value, (int, float)) and value != group[name]:
            yield name, float(value)
    with_rate = getattr(optimizer, "get_lr", None)
    rates = [float(with_rate())] if with_rate else []
    for rate in [*rates, *(group["lr"] * factor for factor in (0.1, 10, 0.5, 2, 0.01, 100))]:
        if rate != group["lr"]:
            yield "lr", rate
    for name, values in SETTINGS.items():
        yield from ((name, value) for value in values if name in group and value != group[name])
    if "betas" in group:
        own_betas = tuple(getattr(optimizer, key, None) for key in ("_beta1", "_beta2"))
        for betas in (own_betas, *BETAS):
            if all(isinstance(beta, float) for beta in betas) and betas != group["betas"]:
                yield "betas", betas


def written(value: Any) -> str:
    """A setting as it is printed."""
    return number(value) if isinstance(value, float) else str(value)


def set_all(optimizer: Any, name: str, value: Any) -> None:
    """Set one setting in every group of PyTorch's optimizer."""
    for group in optimizer.param_groups:
        group[name] = value


def run_steps(side: Any, batches: list) -> None:
    """Do one training step on each batch."""
    for x, target in batches:
        side.train_step(x, target)


def weights(side: Any) -> dict[str, np.ndarray]:
    """The side's weights without its buffers."""
    return {name: array for name, array in side.tensors().items() if not side.is_buffer(name)}
