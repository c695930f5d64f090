"""Activations, sums and forks of a network's streams, computed by oneDNN where the tensors lie as it wants them.

Paddle's own operators give the same numbers. They copy a tensor that lies channels last, and give one that does not.
"""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle.nn import functional as F

from paddle_tsm.onednn import activation as served
from paddle_tsm.onednn.tensors import is_channels_last, serves

Function = Callable[[paddle.Tensor], paddle.Tensor]
# The activations that oneDNN has; Paddle's leaky ReLU has a slope of 0.01 unless told.
SERVED = {F.relu: served.RELU, F.leaky_relu: served.LEAKY_RELU, F.relu6: served.RELU6, F.hardswish: served.HARDSWISH}


def activated(x: paddle.Tensor, act: Function | None) -> paddle.Tensor:
    """act(x), or x where `act` is None."""
    if act is None:
        return x
    if act in SERVED and serves(x) and is_channels_last(x):
        return served.ActivationFunction.apply(x, SERVED[act])
    return act(x)


def activated_sum(x: paddle.Tensor, added: paddle.Tensor, act: Function | None) -> paddle.Tensor:
    """act(x + added), or the sum where `act` is None. Both: [N, C, H, W]."""
    if serves(x) and serves(added) and x.shape == added.shape and is_channels_last(x):
        known = SERVED.get(act) if act is not None else None
        if act is None or (known is not None and known.backward):
            return served.SumFunction.apply(x, added, known)
        return activated(served.SumFunction.apply(x, added, None), act)
    return activated(x + added, act)


def forked(x: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """(x, x), for two readers in a training. The gradients of both are then added channels last."""
    if paddle.is_grad_enabled() and not x.stop_gradient and serves(x) and is_channels_last(x):
        return served.ForkFunction.apply(x)
    return x, x
