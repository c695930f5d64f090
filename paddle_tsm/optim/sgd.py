"""SGD with momentum over TSM's parameter groups."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import _C_ops, nn

from paddle_tsm.optim.optimizer import Optimizer, must_not_be_negative


class SGD(Optimizer):
    """d = g + weight_decay * p;   b = momentum * b + d;   p -= lr * (d + momentum * b if nesterov else b).

    g is the gradient, and b is 0 at first. Equal to torch.optim.SGD without dampening.
    """

    algorithm = "sgd"
    buffers: tuple[str, ...] = ("momentum_buffer",)

    def __init__(
        self,
        model: nn.Layer,
        lr: float,
        momentum: float,
        weight_decay: float,
        fc_lr5: bool,
        max_norm: float | None,
        nesterov: bool,
        decays: str,
    ):
        must_not_be_negative("momentum", momentum)
        if nesterov and momentum == 0:
            raise ValueError("nesterov: got momentum 0, wanted a momentum above 0")
        self.momentum, self.nesterov = momentum, nesterov
        self.buffers = SGD.buffers if momentum else ()
        super().__init__(model, lr, weight_decay, fc_lr5, max_norm, decays)

    def _update(
        self, parameter: paddle.Tensor, gradient: paddle.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        buffer, m = state.get("momentum_buffer"), self.momentum
        if buffer is None:  # the momentum is 0
            buffer = paddle.zeros_like(parameter)
        if parameter.dtype == paddle.float32:
            # The kernel of paddle.optimizer.Momentum, which passes over memory once.
            _C_ops.momentum_(
                parameter,
                gradient,
                buffer,
                paddle.full([1], lr, "float32"),
                None,  # the float32 copy of the parameter, for mixed precision
                m,
                self.nesterov,
                "l2_decay",
                weight_decay,
                False,  # mixed precision
                1.0,  # the factor of the gradient
            )
            return
        # That kernel rounds momentum and weight_decay to float32, which would show in float64.
        d = gradient + parameter * weight_decay if weight_decay else gradient
        buffer.multiply_(paddle.full([], m, buffer.dtype)).add_(d)
        parameter.subtract_((d + buffer * m if self.nesterov else buffer) * lr)


def tsm_sgd(
    model: nn.Layer,
    lr: float = 0.01,
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    fc_lr5: bool = True,
    max_norm: float | None = 20.0,
    nesterov: bool = False,
    decays: str = "weights",
    first_lr5: bool = False,
) -> SGD:
    """SGD with momentum and TSM's parameter groups.

    fc_lr5: the classifier's weight learns 5 times as fast as the other layers' and its bias 10 times; with False it
    learns as every other layer does. first_lr5: the first convolution learns 5 times as fast as otherwise, as in MIT's
    networks of optical flow. max_norm: as for `clip_gradients`. decays: as for `decaying`. Raises ValueError for a
    value out of range, and for a layer that no parameter group takes.
    """
    optimizer = SGD(model, lr, momentum, weight_decay, fc_lr5, max_norm, nesterov, decays)
    if first_lr5:
        optimizer.quicken_first_convolution()
    return optimizer
