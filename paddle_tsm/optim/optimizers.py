"""SGD with momentum and AdamW over TSM's parameter groups, equal to PyTorch's number for number."""

import math

import numpy as np
import paddle
from paddle import _C_ops

from paddle_tsm.optim.parameter_groups import parameter_groups


class Optimizer:
    """Parameter groups, clipping by the global norm, and a state that moves between the frameworks.

    param_groups: dicts of name, names (canonical), params, lr, weight_decay and lr_multiplier; `step` reads lr and
    weight_decay from them. max_norm: the gradients of all groups together are scaled to this norm where theirs is
    larger; None or 0: never. Frozen parameters and those without a gradient are left alone, as in PyTorch.
    """

    algorithm = ""
    buffers: tuple[str, ...] = ()  # the state of one parameter, by PyTorch's names

    def __init__(self, model, lr: float, weight_decay: float, fc_lr5: bool, max_norm: float | None):
        must_not_be_negative("lr", lr)
        must_not_be_negative("weight_decay", weight_decay)
        self.max_norm = max_norm
        self.param_groups = []
        self._members = {}
        self._state = {}
        self._norm = 0.0
        for row, members in parameter_groups(model, fc_lr5):
            self._members |= {member.name: member for member in members}
            self.param_groups.append(
                {
                    "name": row.name,
                    "names": [member.name for member in members],
                    "params": [member.parameter for member in members],
                    "lr_multiplier": row.lr,
                    "weight_decay": weight_decay * row.decay,
                }
            )
        self.set_lr(lr)

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
        for member in self._members.values():
            member.parameter.clear_gradient(False)  # True would leave zeros, which momentum and decay act upon

    zero_grad = clear_grad

    @paddle.no_grad()
    def step(self) -> None:
        """Clip the gradients, in place, and update the parameters."""
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
        """{"algorithm", "lr", "state": {canonical parameter name: {buffer name: array in PyTorch's orientation}}}.

        Parameters that were never updated have no state. Equal in both packages.
        """
        state = {}
        for name, tensors in self._state.items():
            flip = self._members[name].transposed
            arrays = {buffer: np.asarray(tensor) for buffer, tensor in tensors.items()}
            if arrays:
                state[name] = {buffer: np.array(array.T if flip else array) for buffer, array in arrays.items()}
        return {"algorithm": self.algorithm, "lr": self._lr, "state": state}

    def load_state_dict(self, state_dict: dict) -> None:
        """Go on from what `state_dict` of either package returned; nothing is changed where it does not fit.

        Momentum, decay and the multipliers stay as they were constructed, and so does the rate where "lr" is None.
        Raises ValueError for another algorithm, an unknown parameter, missing or unknown buffers or another shape.
        """
        shapes = {
            name: tuple(member.parameter.shape)[:: -1 if member.transposed else 1]
            for name, member in self._members.items()
        }
        check_state(state_dict, self.algorithm, self.buffers, shapes)
        self._state = {name: self._as_state(name, arrays) for name, arrays in state_dict["state"].items()}
        if state_dict["lr"] is not None:
            self.set_lr(state_dict["lr"])

    def _as_state(self, name: str, arrays: dict) -> dict:
        """One parameter's state from its arrays."""
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

    def _new_state(self, parameter) -> dict:
        """The state before the first update."""
        return {buffer: 0.0 if buffer == "step" else paddle.zeros_like(parameter) for buffer in self.buffers}


class SGD(Optimizer):
    """d = g + weight_decay * p; b = momentum * b + d; p -= lr * (nesterov ? d + momentum * b : b). b is 0 at first.

    torch.optim.SGD without dampening.
    """

    algorithm = "sgd"
    buffers = ("momentum_buffer",)

    def __init__(
        self,
        model,
        lr: float,
        momentum: float,
        weight_decay: float,
        fc_lr5: bool,
        max_norm: float | None,
        nesterov: bool,
    ):
        must_not_be_negative("momentum", momentum)
        if nesterov and momentum == 0:
            raise ValueError("nesterov: got momentum 0, wanted a momentum above 0")
        self.momentum, self.nesterov = momentum, nesterov
        self.buffers = SGD.buffers if momentum else ()
        super().__init__(model, lr, weight_decay, fc_lr5, max_norm)

    def _update(self, parameter, gradient, state: dict, lr: float, weight_decay: float) -> None:
        buffer, m = state.get("momentum_buffer"), self.momentum
        if buffer is None:  # no momentum
            buffer = paddle.zeros_like(parameter)
        if parameter.dtype == paddle.float32:
            # one pass over memory, and the very kernel of paddle.optimizer.Momentum
            rate = paddle.full([1], lr, "float32")
            _C_ops.momentum_(
                parameter, gradient, buffer, rate, None, m, self.nesterov, "l2_decay", weight_decay, False, 1.0
            )
            return
        # the kernel holds momentum and weight_decay as float32, which shows in float64; these operations do not
        d = gradient + parameter * weight_decay if weight_decay else gradient
        buffer.multiply_(paddle.full([], m, buffer.dtype)).add_(d)
        parameter.subtract_((d + buffer * m if self.nesterov else buffer) * lr)


class AdamW(Optimizer):
    """p *= 1 - lr * weight_decay; a = b1 * a + (1 - b1) * g; v = b2 * v + (1 - b2) * g^2;
    p -= lr * (a / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).  torch.optim.AdamW (arXiv:1711.05101)."""

    algorithm = "adamw"
    buffers = ("exp_avg", "exp_avg_sq", "step")

    def __init__(
        self,
        model,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        fc_lr5: bool,
        max_norm: float | None,
    ):
        must_not_be_negative("eps", eps)
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas: got {betas!r}, wanted two numbers in [0, 1)")
        self.betas, self.eps = betas, eps
        super().__init__(model, lr, weight_decay, fc_lr5, max_norm)

    def _update(self, parameter, gradient, state: dict, lr: float, weight_decay: float) -> None:
        (b1, b2), a, v = self.betas, state["exp_avg"], state["exp_avg_sq"]
        state["step"] += 1
        corrections = 1 - b1 ** state["step"], 1 - b2 ** state["step"]
        if parameter.dtype == paddle.float32:
            powers = [paddle.full([1], beta ** state["step"], "float32") for beta in self.betas]
            _C_ops.adamw_(
                parameter,
                gradient,
                paddle.full([1], lr, "float32"),
                a,
                v,
                None,
                *powers,
                None,
                None,
                b1,
                b2,
                self.eps,
                1.0,
                weight_decay,
                weight_decay != 0,
                False,
                1000,
                False,
                True,
                False,
            )
            return
        # as for SGD: exact where the kernel's constants are float32
        parameter.multiply_(paddle.full([], 1 - lr * weight_decay, parameter.dtype))
        paddle.assign(a * b1 + gradient * (1 - b1), a)
        paddle.assign(v * b2 + gradient * gradient * (1 - b2), v)
        parameter.subtract_(a * (lr / corrections[0]) / (v.sqrt() / math.sqrt(corrections[1]) + self.eps))


@paddle.no_grad()
def clip_gradients(parameters: list, max_norm: float | None):
    """Scale the gradients, in place, by min(1, max_norm / (norm + 1e-6)); returns their norm, all taken together.

    torch.nn.utils.clip_grad_norm_. None or 0 as `max_norm`: only the norm. (paddle.nn.utils.clip_grad_norm_ gives the
    same and takes 30 times as long; paddle.nn.ClipGradByGlobalNorm clips each group by itself.)
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return 0.0
    norm = paddle.stack([_C_ops.squared_l2_norm(gradient).reshape([]) for gradient in gradients]).sum().sqrt()
    if max_norm is not None and max_norm > 0:
        scale = max_norm / (norm + 1e-6)
        if not bool(scale >= 1):  # NaN goes on, so that it is seen
            for gradient in gradients:
                gradient.multiply_(scale)
    return norm


def tsm_sgd(
    model,
    lr: float = 0.01,
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    fc_lr5: bool = True,
    max_norm: float | None = 20.0,
    nesterov: bool = False,
) -> SGD:
    """Momentum-SGD with TSM's parameter groups.

    fc_lr5: the last Linear learns 5 times as fast and its bias 10 times; False: as every other layer.
    Raises ValueError for a layer that TSM's table of groups does not know.
    """
    return SGD(model, lr, momentum, weight_decay, fc_lr5, max_norm, nesterov)


def tsm_adamw(
    model,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    fc_lr5: bool = True,
    max_norm: float | None = 20.0,
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
