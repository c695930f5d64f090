"""Clipping gradients by their norm, all parameters taken together."""

from __future__ import annotations

import paddle
from paddle import _C_ops


@paddle.no_grad()
def clip_gradients(parameters: list[paddle.Tensor], max_norm: float | None) -> paddle.Tensor:
    """Multiply the gradients, in place, by min(1, max_norm / (norm + 1e-6)). Returns `norm`, a scalar.

    norm: the root of the sum of the squares of all gradients, before they are clipped. With None or 0 as `max_norm`
    nothing is clipped. Equal to torch.nn.utils.clip_grad_norm_. paddle.nn.utils.clip_grad_norm_ is equal, too, but much
    slower, and paddle.nn.ClipGradByGlobalNorm clips each parameter group by itself.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return paddle.zeros([])
    norm = paddle.stack([_C_ops.squared_l2_norm(gradient).reshape([]) for gradient in gradients]).sum().sqrt()
    if max_norm is not None and max_norm > 0:
        scale = max_norm / (norm + 1e-6)
        if not bool(scale >= 1):  # also where it is NaN, so that the weights become NaN and the fault is seen
            for gradient in gradients:
                gradient.multiply_(scale)
    return norm
