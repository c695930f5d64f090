"""What the optimizers share: parameter groups, clipping, and a state that moves between the frameworks."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import nn

from paddle_tsm.networks.parameter_group_rules import FIRST_CONV_OF_FLOW
from paddle_tsm.optim.clipping import clip_gradients
from paddle_tsm.optim.parameter_groups import Member, parameter_groups


class Optimizer:
    """An optimizer over TSM's parameter groups, which clips the norm of all gradients together.

    param_groups: one dict for each group, with name, names (canonical), params, lr, weight_decay and lr_multiplier.
    `step` reads lr and weight_decay from them, so that a caller may change these. max_norm: as for `clip_gradients`.
    Frozen parameters, and those without a gradient, are left alone, as in PyTorch. A subclass defines `algorithm`,
    `buffers` and `_update`.
    """

    algorithm = ""
    buffers: tuple[str, ...] = ()  # what is kept for each parameter, by PyTorch's names

    def __init__(
        self, model: nn.Layer, lr: float, weight_decay: float, fc_lr5: bool, max_norm: float | None, decays: str
    ):
        must_not_be_negative("lr", lr)
        must_not_be_negative("weight_decay", weight_decay)
        self.max_norm = max_norm
        self.param_groups: list[dict[str, Any]] = []
        self._members: dict[str, Member] = {}
        self._state: dict[str, dict[str, Any]] = {}
        self._norm: paddle.Tensor | float = 0.0
        for rule, members in parameter_groups(model, fc_lr5, decays):
            self._members |= {member.name: member for member in members}
            self.param_groups.append(
                {
                    "name": rule.name,
                    "names": [member.name for member in members],
                    "params": [member.parameter for member in members],
                    "lr_multiplier": rule.lr,
                    "weight_decay": weight_decay * rule.decay,
                }
            )
        self.set_lr(lr)

    def quicken_first_convolution(self) -> None:
        """Let the first convolution learn FIRST_CONV_OF_FLOW times as fast as the rules say."""
        for group in self.param_groups:
            if group["name"].startswith("first conv"):
                group["lr_multiplier"] *= FIRST_CONV_OF_FLOW
        self.set_lr(self._lr)

    def get_lr(self) -> float:
        """The learning rate of a group whose multiplier is 1."""
        return self._lr

    def set_lr(self, lr: float) -> None:
        """Set the learning rate of every group to `lr` times its multiplier."""
        self._lr = lr
        for group in self.param_groups:
            group["lr"] = lr * group["lr_multiplier"]

    @property
    def grad_norm(self) -> float:
        """The norm of all gradients together in the last step, before clipping; 0 before the first step."""
        return float(self._norm)

    def clear_grad(self) -> None:
        """Set every gradient to None, so that a parameter without a new gradient is not updated."""
        for member in self._members.values():
            member.parameter.clear_gradient(False)  # True would set zeros, and momentum and decay would act

    zero_grad = clear_grad

    @paddle.no_grad()
    def step(self) -> None:
        """Clip the gradients, in place, and update the parameters that have one and are not frozen."""
        ready = [
            (group, name, parameter, parameter.grad)
            for group in self.param_groups
            for name, parameter in zip(group["names"], group["params"])
            if not parameter.stop_gradient and parameter.grad is not None
        ]
        self._norm = clip_gradients([parameter for _, _, parameter, _ in ready], self.max_norm)
        for group, name, parameter, gradient in ready:
            if name not in self._state:
                self._state[name] = self._new_state(parameter)
            self._update(parameter, gradient, self._state[name], group["lr"], group["weight_decay"])

    def state_dict(self) -> dict:
        """{"algorithm", "lr", "state": {canonical name of a parameter: {name of a buffer: array}}}.

        The arrays are in PyTorch's orientation, and a parameter that was never updated has none. `load_state_dict` of
        either package takes it.
        """
        state = {}
        for name, tensors in self._state.items():
            flip = self._members[name].transposed
            arrays = {buffer: np.asarray(tensor) for buffer, tensor in tensors.items()}
            if arrays:
                state[name] = {buffer: np.array(array.T if flip else array) for buffer, array in arrays.items()}
        return {"algorithm": self.algorithm, "lr": self._lr, "state": state}

    def load_state_dict(self, state_dict: dict) -> None:
        """Take over the state that `state_dict` of either package returned, and its learning rate.

        Momentum, decay and the multipliers stay as they were constructed; so does the learning rate where "lr" is None.
        Raises ValueError, and changes nothing, for another algorithm, an unknown parameter, missing or unknown buffers,
        or another shape.
        """
        shapes = {
            name: tuple(member.parameter.shape)[:: -1 if member.transposed else 1]
            for name, member in self._members.items()
        }
        check_state(state_dict, self.algorithm, self.buffers, shapes)
        self._state = {name: self._as_state(name, arrays) for name, arrays in state_dict["state"].items()}
        if state_dict["lr"] is not None:
            self.set_lr(state_dict["lr"])

    def _as_state(self, name: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """The state of the parameter `name`, from its arrays in PyTorch's orientation."""
        member = self._members[name]
        kind = str(member.parameter.dtype).rsplit(".", 1)[-1]
        state = {}
        for buffer in self.buffers:
            array = np.asarray(arrays[buffer])
            if buffer == "step":
                state[buffer] = float(array)
            else:
                array = np.ascontiguousarray(array.T if member.transposed else array)
                state[buffer] = paddle.to_tensor(array.astype(kind))
        return state

    def _new_state(self, parameter: paddle.Tensor) -> dict[str, Any]:
        """The state of a parameter before its first update."""
        return {buffer: 0.0 if buffer == "step" else paddle.zeros_like(parameter) for buffer in self.buffers}

    def _update(
        self, parameter: paddle.Tensor, gradient: paddle.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        """Update the parameter and its state, in place."""
        raise NotImplementedError


def must_not_be_negative(name: str, value: float) -> None:
    """Raise ValueError unless `value` is 0 or more."""
    if not value >= 0:
        raise ValueError(f"{name}: got {value!r}, wanted 0 or more")


def check_state(state_dict: dict, algorithm: str, buffers: tuple[str, ...], shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise ValueError unless `state_dict` is of this algorithm and fits parameters of these shapes, in PyTorch's
    orientation.
    """
    if state_dict.get("algorithm") != algorithm:
        raise ValueError(f"optimizer state: got the algorithm {state_dict.get('algorithm')!r}, wanted {algorithm!r}")
    for name, arrays in state_dict["state"].items():
        if name not in shapes:
            raise ValueError(f"optimizer state: {name} is no parameter of this model; is it another architecture's?")
        if set(arrays) != set(buffers):
            raise ValueError(f"optimizer state: {name}: got {sorted(arrays)}, wanted {sorted(buffers)}")
        for buffer, array in arrays.items():
            wanted = () if buffer == "step" else shapes[name]
            if np.shape(array) != wanted:
                raise ValueError(f"optimizer state: {name}: {buffer} has the shape {np.shape(array)}, wanted {wanted}")
