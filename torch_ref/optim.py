"""SGD and AdamW over TSM's parameter groups.

The steps are torch.optim's, the clip is torch.nn.utils', and the state is made of NumPy arrays under canonical names.
"""

from typing import Any

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from torch_ref.parameter_groups import parameter_groups


class Clipped(torch.optim.Optimizer):
    """Adds TSM's groups, the clip, one learning rate and a state by canonical names to a class of torch.optim.

    param_groups: PyTorch's dicts, which also have name, names and lr_multiplier. max_norm: the norm to which the
    gradients of all groups together are scaled down; None or 0 scales nothing. Frozen parameters and parameters without
    a gradient are never changed. grad_norm: the norm of the gradients in the last step, before they were scaled.
    """

    algorithm: str
    buffers: tuple[str, ...]  # the names in torch.optim's state of one parameter

    def __init__(
        self,
        model: torch.nn.Module,
        lr: float,
        weight_decay: float,
        fc_lr5: bool,
        max_norm: float | None,
        decays: str,
        first_lr5: bool,
        **settings: Any,
    ):
        for setting, value in {"lr": lr, "weight_decay": weight_decay}.items():
            require(value >= 0, setting, value, "0 or more")
        groups = parameter_groups(model, fc_lr5, decays)
        for group in groups:
            group["weight_decay"] = weight_decay * group.pop("decay_multiplier")
            if first_lr5 and group["name"] in ("first conv weight", "first conv bias"):
                group["lr_multiplier"] = 5 * group["lr_multiplier"]  # MIT ops/models.py 1f6a834, the modality Flow
        super().__init__(groups, lr=lr, **settings)
        self.max_norm, self.grad_norm = max_norm, 0.0
        self.named = {name: p for group in self.param_groups for name, p in zip(group["names"], group["params"])}
        self.set_lr(lr)

    def get_lr(self) -> float:
        """The learning rate of a group whose multiplier is 1."""
        return self.lr

    def set_lr(self, lr: float) -> None:
        """Set the learning rate of each group to `lr` times the group's multiplier."""
        self.lr = lr
        for group in self.param_groups:
            group["lr"] = group["lr_multiplier"] * lr

    def clear_grad(self) -> None:
        """Set every gradient to None. This is `zero_grad` under the name that it has in Paddle."""
        self.zero_grad(set_to_none=True)

    def step(self, closure: Any = None) -> Any:
        """Clip the gradients in place, then update the parameters as torch.optim does."""
        for parameter in self.named.values():
            if not parameter.requires_grad:
                parameter.grad = None  # torch.optim would apply a gradient from before the parameter was frozen
        self.grad_norm = float(clip_gradients(list(self.named.values()), self.max_norm))
        return super().step(closure)

    def state_dict(self) -> dict:
        """{"algorithm": "sgd" or "adamw", "lr": float, "state": {canonical name: {buffer: array}}}.

        Both packages read it. A parameter that was never updated has no entry.
        """
        state = {}
        for name, parameter in self.named.items():
            tensors = self.state.get(parameter, {})
            if arrays := {buffer: tensors[buffer].numpy(force=True).copy() for buffer in self.buffers if tensors}:
                state[name] = arrays
        return {"algorithm": self.algorithm, "lr": self.lr, "state": state}

    def load_state_dict(self, state_dict: dict) -> None:
        """Go on from a `state_dict` of either package.

        Momentum, decay and multipliers keep the values that they were constructed with, and so does the learning rate
        where "lr" is None. Raises ValueError, and changes nothing, for a state of another algorithm or one that does
        not fit the parameters.
        """
        if (algorithm := state_dict.get("algorithm")) != self.algorithm:
            raise ValueError(f"optimizer state: got the algorithm {algorithm!r}, wanted {self.algorithm!r}")
        found = {name: self.read_buffers(name, arrays) for name, arrays in state_dict["state"].items()}
        self.state.clear()
        self.state.update({self.named[name]: tensors for name, tensors in found.items()})
        if state_dict["lr"] is not None:
            self.set_lr(state_dict["lr"])

    def read_buffers(self, name: str, arrays: dict) -> dict:
        """The arrays of a parameter as torch.optim's tensors. Raises ValueError where they do not fit the parameter."""
        where = f"optimizer state: {name}"
        if name not in self.named:
            raise ValueError(f"{where} is no parameter of this model, wanted names such as {next(iter(self.named))}")
        if sorted(arrays) != sorted(self.buffers):
            raise ValueError(f"{where}: got {sorted(arrays)}, wanted {sorted(self.buffers)}")
        parameter, tensors = self.named[name], {}
        for buffer, array in arrays.items():
            counter = buffer == "step"  # which torch.optim keeps as a float32 of shape ()
            shape, dtype = ((), torch.float32) if counter else (tuple(parameter.shape), parameter.dtype)
            if np.shape(array) != shape:
                raise ValueError(f"{where}: {buffer} has the shape {np.shape(array)}, wanted {shape}")
            tensors[buffer] = torch.tensor(array, dtype=dtype)
        return tensors


class SGD(Clipped, torch.optim.SGD):
    """b <- momentum b + g + weight_decay p,   p <- p - lr b,   b = 0 at first (torch.optim.SGD without dampening).

    With `nesterov`: p <- p - lr (g + weight_decay p + momentum b).
    """

    algorithm = "sgd"
    buffers: tuple[str, ...] = ("momentum_buffer",)


class AdamW(Clipped, torch.optim.AdamW):
    """AdamW (arXiv:1711.05101, algorithm 2) as in torch.optim.AdamW: the learning rate multiplies the decay."""

    algorithm, buffers = "adamw", ("exp_avg", "exp_avg_sq", "step")


TsmOptimizer = SGD | AdamW


def clip_gradients(parameters: list[torch.Tensor], max_norm: float | None) -> torch.Tensor:
    """Scale all gradients by min(1, max_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does.

    Returns the norm of all gradients together before they were scaled. max_norm: None or 0 scales nothing.
    """
    if max_norm is not None and max_norm > 0:
        return clip_grad_norm_(parameters, max_norm)
    norms = [parameter.grad.norm() for parameter in parameters if parameter.grad is not None]
    return torch.stack(norms).norm() if norms else torch.tensor(0.0)


def tsm_sgd(
    model: torch.nn.Module,
    lr: float = 0.01,
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    fc_lr5: bool = True,
    max_norm: float | None = 20.0,
    nesterov: bool = False,
    decays: str = "weights",
    first_lr5: bool = False,
) -> SGD:
    """SGD with momentum as TSM is trained (arXiv:1811.08383, section 5.1).

    fc_lr5: whether the classifier learns five times as fast as the other layers. Every bias but a BatchNorm's learns
    twice as fast as the weight of its layer. decays: "weights"; "biases" for biases, too, which then learn as fast as
    their weights; "all" for BatchNorms, too. first_lr5: whether the first convolution learns five times as fast as it
    would. Raises ValueError for a layer that has no parameter group.
    """
    require(momentum >= 0, "momentum", momentum, "0 or more")
    require(momentum > 0 or not nesterov, "momentum", momentum, "more than 0 with nesterov")
    more = {"momentum": momentum, "nesterov": nesterov}
    optimizer = SGD(model, lr, weight_decay, fc_lr5, max_norm, decays, first_lr5, **more)
    optimizer.buffers = SGD.buffers if momentum else ()
    return optimizer


def tsm_adamw(
    model: torch.nn.Module,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    fc_lr5: bool = True,
    max_norm: float | None = 20.0,
    decays: str = "weights",
    first_lr5: bool = False,
) -> AdamW:
    """AdamW with the groups of `tsm_sgd`."""
    require(eps >= 0, "eps", eps, "0 or more")
    require(min(betas) >= 0 and max(betas) < 1, "betas", betas, "two numbers from 0 to below 1")
    return AdamW(model, lr, weight_decay, fc_lr5, max_norm, decays, first_lr5, betas=betas, eps=eps)


def require(fits: bool, setting: str, value: object, what: str) -> None:
    """Raise ValueError, which names the setting and says what was wanted, unless `fits`."""
    if not fits:
        raise ValueError(f"{setting}: got {value!r}, wanted {what}")
