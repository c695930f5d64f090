"""One optimizer over two networks that are trained together, of either framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class JointOptimizer:
    """Steps the optimizers of several networks as one: one learning rate, and one norm of all gradients together.

    It has the methods that a training asks of an optimizer (see `framework.Framework`). The names of parameters in its
    state begin with their network's.

    optimizers: network's name, without a dot -> its own optimizer. max_norm: the largest norm of all gradients
    together; 0: they are not clipped. clip_gradients: the framework's.
    """

    def __init__(
        self, optimizers: dict[str, Any], max_norm: float, clip_gradients: Callable[[list[Any], float], float]
    ):
        self.optimizers, self.max_norm, self._clip_gradients = optimizers, max_norm, clip_gradients
        for optimizer in optimizers.values():
            optimizer.max_norm = None  # else each would clip its own network's gradients once more
        self.grad_norm = 0.0

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all networks."""
        return [group for optimizer in self.optimizers.values() for group in optimizer.param_groups]

    def set_lr(self, lr: float) -> None:
        """Set the learning rate of every group to `lr` times its multiplier."""
        for optimizer in self.optimizers.values():
            optimizer.set_lr(lr)

    def clear_grad(self) -> None:
        """Set every gradient to None."""
        for optimizer in self.optimizers.values():
            optimizer.clear_grad()

    def step(self) -> None:
        """Clip all gradients together, in place, and update the parameters of every network."""
        parameters = [parameter for group in self.param_groups for parameter in group["params"]]
        self.grad_norm = self._clip_gradients(parameters, self.max_norm)
        for optimizer in self.optimizers.values():
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """As the single optimizer's, with the names "network.parameter"."""
        parts = {network: optimizer.state_dict() for network, optimizer in self.optimizers.items()}
        state = {
            f"{network}.{name}": arrays for network, part in parts.items() for name, arrays in part["state"].items()
        }
        first = next(iter(parts.values()))
        return {"algorithm": first["algorithm"], "lr": first["lr"], "state": state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for network, optimizer in self.optimizers.items():
            own = {
                name.removeprefix(f"{network}."): arrays
                for name, arrays in state_dict["state"].items()
                if name.startswith(f"{network}.")
            }
            optimizer.load_state_dict(state_dict | {"state": own})
