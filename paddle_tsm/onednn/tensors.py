"""Tensors of Paddle whose values lie channels last in memory: shape [N, C, H, W], strides of [N, H, W, C]."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import _C_ops, nn
from paddle.base.framework import _current_expected_place_

from paddle_tsm import runtime
from paddle_tsm.onednn.library import found

FLOAT32, CPU, CHANNELS_SECOND = paddle.float32, paddle.CPUPlace(), [0, 3, 1, 2]


def serves(x: paddle.Tensor) -> bool:
    """Whether oneDNN is to compute with x: a float32 tensor [N, C, H, W] on a CPU, in eager mode.

    Paddle's autocast has no effect on a CPU."""
    return (
        isinstance(x, paddle.Tensor)
        and (x.dtype is FLOAT32 or x.dtype == FLOAT32)  # the second takes half a microsecond
        and len(shape := x.shape) == 4
        and 0 not in shape
        and paddle.in_dynamic_mode()
        and x.place.is_cpu_place()
        and _current_expected_place_().is_cpu_place()  # where new tensors are made
        and runtime.uses("onednn")
        and found() is not None
    )


def empty(shape: Sequence[int]) -> paddle.Tensor:
    """A tensor [N, C, H, W] of any values, channels last, on the CPU.

    Paddle's own functions around these two operations take longer than oneDNN takes for a small convolution.
    """
    n, c, h, w = shape
    return _C_ops.transpose(_C_ops.empty([n, h, w, c], FLOAT32, CPU), CHANNELS_SECOND)


def last_strides(shape: Sequence[int]) -> list[int]:
    """The strides of a tensor [N, C, H, W] that lies channels last."""
    _, c, h, w = shape
    return [h * w * c, 1, w * c, c]


def is_channels_last(x: paddle.Tensor) -> bool:
    """Whether x, [N, C, H, W], lies channels last."""
    return x.strides == last_strides(x.shape)


def channels_last(x: paddle.Tensor) -> paddle.Tensor:
    """x, [N, C, H, W], channels last: itself where it is, else a copy."""
    if is_channels_last(x):
        return x
    return x.transpose([0, 2, 3, 1]).contiguous().transpose([0, 3, 1, 2])


def needs_gradient(x: paddle.Tensor, *layers: nn.Layer) -> bool:
    """Whether a gradient is taken of what these layers make of x."""
    if not paddle.is_grad_enabled():
        return False
    tensors = [x, *(parameter for layer in layers for parameter in layer.parameters(include_sublayers=False))]
    return any(not tensor.stop_gradient for tensor in tensors)


def view(x: paddle.Tensor) -> paddle.Tensor:
    """Another tensor of the same memory. Paddle takes a layer's input that is returned itself for a change in place."""
    return x.transpose([0, 2, 3, 1]).transpose([0, 3, 1, 2])
