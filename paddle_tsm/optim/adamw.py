"""AdamW over TSM's parameter groups."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops, nn

from paddle_tsm.optim.optimizer import Optimizer, must_not_be_negative


class AdamW(Optimizer):
    """p *= 1 - lr * weight_decay;   a = b1 * a + (1 - b1) * g;   v = b2 * v + (1 - b2) * g^2;
    p -= lr * (a / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).

    g is the gradient, t counts the updates of the parameter, and a and v are 0 at first. Equal to torch.optim.AdamW
    (arXiv:1711.05101).
    """

    algorithm = "adamw"
    buffers = ("exp_avg", "exp_avg_sq", "step")

    def __init__(
        self,
        model: nn.Layer,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        fc_lr5: bool,
        max_norm: float | None,
        decays: str,
    ):
        must_not_be_negative("eps", eps)
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas: got {betas!r}, wanted two numbers in [0, 1)")
        self.betas, self.eps = betas, eps
        super().__init__(model, lr, weight_decay, fc_lr5, max_norm, decays)

    def _update(
        self, parameter: paddle.Tensor, gradient: paddle.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        (b1, b2), a, v = self.betas, state["exp_avg"], state["exp_avg_sq"]
        state["step"] += 1
        if parameter.dtype == paddle.float32:
            self._run_kernel(parameter, gradient, state, lr, weight_decay)
            return
        # The kernel rounds its constants to float32, which would show in float64.
        corrections = 1 - b1 ** state["step"], 1 - b2 ** state["step"]
        parameter.multiply_(paddle.full([], 1 - lr * weight_decay, parameter.dtype))
        paddle.assign(a * b1 + gradient * (1 - b1), a)
        paddle.assign(v * b2 + gradient * gradient * (1 - b2), v)
        parameter.subtract_(a * (lr / corrections[0]) / (v.sqrt() / math.sqrt(corrections[1]) + self.eps))

    def _run_kernel(
        self, parameter: paddle.Tensor, gradient: paddle.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        """The update by the kernel of paddle.optimizer.AdamW, which passes over memory once."""
        _C_ops.adamw_(
            parameter,
            gradient,
            paddle.full([1], lr, "float32"),
            state["exp_avg"],
            state["exp_avg_sq"],
            None,  # the largest second moment, for amsgrad
            *(paddle.full([1], beta ** state["step"], "float32") for beta in self.betas),
            None,  # the float32 copy of the parameter, for mixed precision
            None,  # whether to skip the update
            *self.betas,
            self.eps,
            1.0,  # the learning rate's ratio
            weight_decay,
            weight_decay != 0,  # with decay
            False,  # lazy mode, for sparse gradients
            1000,  # their least number of rows for threads
            False,  # mixed precision
            True,  # the powers of the betas are kept by the caller
            False,  # amsgrad
        )


def tsm_adamw(
    model: nn.Layer,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    fc_lr5: bool = True,
    max_norm: float | None = 20.0,
    decays: str = "weights",
    first_lr5: bool = False,
) -> AdamW:
    """AdamW with TSM's parameter groups. fc_lr5, max_norm, decays, first_lr5 and errors: as for `tsm_sgd`."""
    optimizer = AdamW(model, lr, betas, eps, weight_decay, fc_lr5, max_norm, decays)
    if first_lr5:
        optimizer.quicken_first_convolution()
    return optimizer
