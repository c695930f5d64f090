"""Batch normalisation of the batch's own statistics or of given ones, and a ReLU behind it."""

from __future__ import annotations

from ctypes import c_float, c_uint
from typing import Any, NamedTuple

import paddle
from paddle.autograd import PyLayer

from paddle_tsm.onednn import primitive
from paddle_tsm.onednn.primitive import Primitive, contiguous, kept_per_thread
from paddle_tsm.onednn.tensors import channels_last, empty
from paddle_tsm.onednn.wanted_gradients import WantedGradients

GIVEN_STATISTICS, USE_SCALE, USE_SHIFT, RELU = 1, 2, 4, 8  # dnnl_normalization_flags_t
# DNNL_ARG_*
SRC, DST, MEAN, VARIANCE, SCALE, SHIFT, WORKSPACE = 1, 17, 49, 50, 51, 52, 64
DIFF_SRC, DIFF_DST, DIFF_SCALE, DIFF_SHIFT = 129, 145, 255, 256


class Kind(NamedTuple):
    """x: [N, C, H, W]. given: whether mean and variance are given. relu: whether a ReLU follows."""

    x: tuple[int, ...]
    eps: float
    given: bool
    relu: bool

    def forward(self) -> Primitive:
        """The forward pass, not bound."""
        x = primitive.channels_last(self.x)
        flags = USE_SCALE | USE_SHIFT | (GIVEN_STATISTICS if self.given else 0) | (RELU if self.relu else 0)
        return Primitive(
            "batch_normalization_forward", primitive.TRAINING, x, x, c_float(self.eps), c_uint(flags), None
        )


class Forward:
    """y = (x - mean) / sqrt(variance + eps) * weight + bias, and the ReLU of it where there is one."""

    def __init__(self, kind: Kind):
        x, channels = primitive.channels_last(kind.x), contiguous(kind.x[1:2])
        self.compute = kind.forward()
        arguments = {SRC: x, DST: x, MEAN: channels, VARIANCE: channels, SCALE: channels, SHIFT: channels}
        self.workspace = self.compute.description(primitive.WORKSPACE) if kind.relu else None
        self.compute.bind(arguments | ({} if self.workspace is None else {WORKSPACE: self.workspace}))


class Backward:
    """The gradients of x, weight and bias."""

    def __init__(self, kind: Kind):
        x, channels = primitive.channels_last(kind.x), contiguous(kind.x[1:2])
        flags = USE_SCALE | USE_SHIFT | (GIVEN_STATISTICS if kind.given else 0) | (RELU if kind.relu else 0)
        hint = kind.forward()
        self.compute = Primitive(
            "batch_normalization_backward",
            primitive.BACKWARD,
            x,
            x,
            x,
            c_float(kind.eps),
            c_uint(flags),
            hint.desc,
            None,
        )
        arguments = {SRC: x, DIFF_DST: x, MEAN: channels, VARIANCE: channels, SCALE: channels}
        arguments |= {DIFF_SRC: x, DIFF_SCALE: channels, DIFF_SHIFT: channels}
        if kind.relu:
            arguments[WORKSPACE] = hint.description(primitive.WORKSPACE)
        self.compute.bind(arguments)


forward = kept_per_thread(Forward)
backward = kept_per_thread(Backward)


def channel_values(like: paddle.Tensor) -> paddle.Tensor:
    """A float32 tensor [C] of any values."""
    return paddle.empty(like.shape, "float32")


class BatchNormFunction(PyLayer):
    """y = (x - mean) / sqrt(variance + eps) * weight + bias, or the ReLU of it.

    x: [N, C, H, W]; weight, bias: [C]; statistics: (mean, variance), [C] each, or None for those of the batch, whose
    variance is the biased one. Returns y, channels last; and, where they are the batch's, mean and variance.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: paddle.Tensor,
        weight: paddle.Tensor,
        bias: paddle.Tensor,
        statistics: tuple[paddle.Tensor, paddle.Tensor] | None,
        eps: float,
        relu: bool,
    ) -> paddle.Tensor | tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        kind = Kind(tuple(x.shape), eps, statistics is not None, relu)
        ctx.kind, ctx.wanted = kind, WantedGradients(x, weight, bias)
        x, y = channels_last(x), empty(x.shape)
        mean, variance = statistics or (channel_values(weight), channel_values(weight))
        compute = forward(kind)
        ctx.workspace = None if compute.workspace is None else paddle.empty([compute.workspace.size], "uint8")
        tensors = [x, y, mean, variance, weight, bias] + ([] if ctx.workspace is None else [ctx.workspace])
        compute.compute(*(tensor.data_ptr() for tensor in tensors))
        ctx.save_for_backward(x, weight, mean, variance)
        if kind.given:
            return y
        return (
            y,
            mean.clone(),
            variance.clone(),
        )  # a result that is kept itself would hold this function, which holds it

    @staticmethod
    def backward(ctx: Any, y_gradient: paddle.Tensor, *_: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        x, weight, mean, variance = ctx.saved_tensor()
        x_gradient = empty(x.shape)
        of_weight, of_bias = channel_values(weight), channel_values(weight)
        tensors = [x, channels_last(y_gradient), mean, variance, weight, x_gradient, of_weight, of_bias]
        tensors += [] if ctx.workspace is None else [ctx.workspace]
        backward(ctx.kind).compute(*(tensor.data_ptr() for tensor in tensors))
        return ctx.wanted.of(x_gradient, of_weight, of_bias)
