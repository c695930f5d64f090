"""SGD with momentum and AdamW over TSM's parameter groups: PyTorch's own, with a state that moves."""

import numpy as np
import torch

from torch_ref.parameter_groups import parameter_groups


class Optimizer:
    """Parameter groups, clipping by the global norm, and a state that moves between the frameworks.

    param_groups: dicts of name, names (canonical), params, lr, weight_decay and lr_multiplier; `step` reads lr and
    weight_decay from them. max_norm: the gradients of all groups together are scaled to this norm where theirs is
    larger; None or 0: never. Frozen parameters and those without a gradient are left alone.
    A subclass gives `optimizer(groups)`, PyTorch's.
    """

    algorithm = ""
    buffers: tuple[str, ...] = ()  # the state of one parameter, by PyTorch's names

    def __init__(self, model, lr: float, weight_decay: float, fc_lr5: bool, max_norm: float | None):
        must_not_be_negative("lr", lr)
        must_not_be_negative("weight_decay", weight_decay)
        self.max_norm = max_norm
        self._members = {}
        self._norm = 0.0
        groups = []
        for row, members in parameter_groups(model, fc_lr5):
            self._members |= {member.name: member for member in members}
            groups.append({
                "name": row.name, "names": [member.name for member in members],
                "params": [member.parameter for member in members],
                "lr_multiplier": row.lr, "weight_decay": weight_decay * row.decay, "lr": lr * row.lr,
            })
        self.torch = self.optimizer(groups)
        self.set_lr(lr)

    @property
    def param_groups(self) -> list[dict]:
        return self.torch.param_groups

    def get_lr(self) -> float:
        """The learning rate before the groups' multipliers."""
        return self._lr

    def set_lr(self, lr: float) -> None:
        """Change the learning rate of every group; the multipliers stay."""
        self._lr = lr
        for group in self.param_groups:
            group["lr"] = lr * group["lr_multiplier"]

    @property
    def grad_norm(self) -> float:
        """The norm of all gradients together in the last step, before they were clipped."""
        return float(self._norm)

    def clear_grad(self) -> None:
        """Forget the gradients, so that a parameter that gets none in the next step is left alone by it."""
        self.torch.zero_grad(set_to_none=True)

    zero_grad = clear_grad

    def step(self) -> None:
        """Clip the gradients, in place, and update the parameters."""
        for member in self._members.values():
            if not member.parameter.requires_grad:
                member.parameter.grad = None  # PyTorch would still use one from before it was frozen
        parameters = [member.parameter for member in self._members.values()]
        self._norm = clip_gradients(parameters, self.max_norm)
        self.torch.step()

    def state_dict(self) -> dict:
        """{"algorithm", "lr", "state": {canonical parameter name: {buffer name: array in PyTorch's orientation}}}.

        Parameters that were never updated have no state. Equal in both packages.
        """
        state = {}
        for name, member in self._members.items():
            if tensors := self.torch.state.get(member.parameter):
                state[name] = {buffer: tensors[buffer].numpy().copy() for buffer in self.buffers}
        return {"algorithm": self.algorithm, "lr": self._lr, "state": state}

    def load_state_dict(self, state_dict: dict) -> None:
        """Go on from what `state_dict` of either package returned; nothing is changed where it does not fit.

        Momentum, decay and the multipliers stay as they were constructed, and so does the rate where "lr" is None. Raises
        ValueError for another algorithm, an unknown parameter, missing or unknown buffers or another shape.
        """
        shapes = {name: tuple(member.parameter.shape) for name, member in self._members.items()}
        check_state(state_dict, self.algorithm, self.buffers, shapes)
        self.torch.state.clear()
        for name, arrays in state_dict["state"].items():
            parameter = self._members[name].parameter
            self.torch.state[parameter] = {
                buffer: torch.tensor(arrays[buffer], dtype=torch.float32 if buffer == "step" else parameter.dtype)
                for buffer in self.buffers
            }
        if state_dict["lr"] is not None:
            self.set_lr(state_dict["lr"])


class SGD(Optimizer):
    """d = g + weight_decay * p; b = momentum * b + d; p -= lr * (nesterov ? d + momentum * b : b). b is 0 at first.

    torch.optim.SGD without dampening.
    """

    algorithm = "sgd"
    buffers = ("momentum_buffer",)

    def __init__(
        self, model, lr: float, momentum: float, weight_decay: float, fc_lr5: bool, max_norm: float | None,
        nesterov: bool,
    ):
        must_not_be_negative("momentum", momentum)
        if nesterov and momentum == 0:
            raise ValueError("nesterov: got momentum 0, wanted a momentum above 0")
        self.momentum, self.nesterov = momentum, nesterov
        self.buffers = SGD.buffers if momentum else ()
        super().__init__(model, lr, weight_decay, fc_lr5, max_norm)

    def optimizer(self, groups):
        return torch.optim.SGD(groups, momentum=self.momentum, nesterov=self.nesterov)


class AdamW(Optimizer):
    """p *= 1 - lr * weight_decay; a = b1 * a + (1 - b1) * g; v = b2 * v + (1 - b2) * g^2;
    p -= lr * (a / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).  torch.optim.AdamW (arXiv:1711.05101)."""

    algorithm = "adamw"
    buffers = ("exp_avg", "exp_avg_sq", "step")

    def __init__(
        self, model, lr: float, betas: tuple[float, float], eps: float, weight_decay: float, fc_lr5: bool,
        max_norm: float | None,
    ):
        must_not_be_negative("eps", eps)
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas: got {betas!r}, wanted two numbers in [0, 1)")
        self.betas, self.eps = betas, eps
        super().__init__(model, lr, weight_decay, fc_lr5, max_norm)

    def optimizer(self, groups):
        return torch.optim.AdamW(groups, betas=self.betas, eps=self.eps)


def clip_gradients(parameters: list, max_norm: float | None):
    """Scale the gradients, in place, by min(1, max_norm / (norm + 1e-6)); returns their norm, all taken together.

    torch.nn.utils.clip_grad_norm_. None or 0 as `max_norm`: only the norm.
    """
    if max_norm is not None and max_norm > 0:
        return torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    norms = [torch.linalg.vector_norm(parameter.grad) for parameter in parameters if parameter.grad is not None]
    return torch.linalg.vector_norm(torch.stack(norms)) if norms else 0.0


def tsm_sgd(
    model, lr: float = 0.01, momentum: float = 0.9, weight_decay: float = 1e-4, fc_lr5: bool = True,
    max_norm: float | None = 20.0, nesterov: bool = False,
) -> SGD:
    """Momentum-SGD with TSM's parameter groups.

    fc_lr5: the last Linear learns 5 times as fast and its bias 10 times; False: as every other layer.
    Raises ValueError for a layer that TSM's table of groups does not know.
    """
    return SGD(model, lr, momentum, weight_decay, fc_lr5, max_norm, nesterov)


def tsm_adamw(
    model, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 1e-2,
    fc_lr5: bool = True, max_norm: float | None = 20.0,
) -> AdamW:
    """AdamW with TSM's parameter groups; see `tsm_sgd`."""
    return AdamW(model, lr, betas, eps, weight_decay, fc_lr5, max_norm)


def must_not_be_negative(name: str, value: float) -> None:
    """Raise ValueError unless `value` is 0 or more."""
    if not value >= 0:
        raise ValueError(f"{name}: got {value!r}, wanted 0 or more")


def check_state(state_dict: dict, algorithm: str, buffers: tuple[str, ...], shapes: dict) -> None:
    """Raise ValueError unless `state_dict` is this algorithm's and fits parameters of these shapes (PyTorch's)."""
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
