"""Activations, and the activation of a sum of two tensors."""

from __future__ import annotations

from ctypes import c_float
from typing import Any, NamedTuple

import paddle
from paddle.autograd import PyLayer

from paddle_tsm.onednn import primitive
from paddle_tsm.onednn.library import call, new
from paddle_tsm.onednn.primitive import Description, Primitive, kept_per_thread
from paddle_tsm.onednn.tensors import channels_last, empty, view
from paddle_tsm.onednn.wanted_gradients import WantedGradients

ADD = 0x1FFF0  # dnnl_binary_add
SRC, SRC_1, DST, DIFF_SRC, DIFF_DST = 1, 2, 17, 129, 145  # DNNL_ARG_*


class Activation(NamedTuple):
    """forward: the activation, a dnnl_alg_kind_t. backward: the one whose gradient is taken from the result, or 0
    where the gradient needs the input. alpha, beta: its two numbers.
    """

    forward: int
    backward: int
    alpha: float = 0.0
    beta: float = 0.0


RELU = Activation(0x20, 0x100)
LEAKY_RELU = Activation(0x20, 0x100, 0.01)
RELU6 = Activation(0x2F, 0x106, 0.0, 6.0)
HARDSWISH = Activation(0x34, 0, 1 / 6, 1 / 2)


class Attributes:
    """What follows a primitive's own computation on each value of its result (dnnl_primitive_attr_t)."""

    def __init__(self) -> None:
        self.operations = new("post_ops_create")

    def activate(self, act: Activation) -> None:
        """The activation."""
        call("post_ops_append_eltwise", self.operations, act.forward, c_float(act.alpha), c_float(act.beta))

    def combine(self, algorithm: int, other: Description) -> None:
        """The result and another tensor: their sum or product."""
        call("post_ops_append_binary", self.operations, algorithm, other.handle)

    def made(self) -> Any:
        """The attributes as a primitive takes them."""
        attributes = new("primitive_attr_create")
        call("primitive_attr_set_post_ops", attributes, self.operations)
        return attributes


@kept_per_thread
def added(shape: tuple[int, ...], act: Activation | None) -> Primitive:
    """act(a + b)"""
    x, attributes = primitive.channels_last(shape), None
    if act is not None:
        follows = Attributes()
        follows.activate(act)
        attributes = follows.made()
    return Primitive("binary", ADD, x, x, x, attributes).bind({SRC: x, SRC_1: x, DST: x})


class Both:
    """An activation, forward and backward. reads: the number of the tensor that the gradient is taken from."""

    def __init__(self, shape: tuple[int, ...], act: Activation):
        x, numbers = primitive.channels_last(shape), (c_float(act.alpha), c_float(act.beta))
        self.forward = Primitive("eltwise_forward", primitive.TRAINING, act.forward, x, x, *numbers, None)
        algorithm = act.backward or act.forward
        hint = Primitive("eltwise_forward", primitive.TRAINING, algorithm, x, x, *numbers, None)
        self.backward = Primitive("eltwise_backward", algorithm, x, x, x, *numbers, hint.desc, None)
        self.forward.bind({SRC: x, DST: x})
        self.backward.bind({DST if act.backward else SRC: x, DIFF_DST: x, DIFF_SRC: x})


both = kept_per_thread(Both)


def gradient(saved: paddle.Tensor, act: Activation, y_gradient: paddle.Tensor) -> paddle.Tensor:
    """The gradient of an activation's input. saved: its result, or its input where `act.backward` is 0."""
    x_gradient, y_gradient = empty(saved.shape), channels_last(y_gradient)
    backward = both(tuple(saved.shape), act).backward
    backward(saved.data_ptr(), y_gradient.data_ptr(), x_gradient.data_ptr())
    return x_gradient


def total(a: paddle.Tensor, b: paddle.Tensor, act: Activation | None = None) -> paddle.Tensor:
    """act(a + b), without a gradient."""
    y, a, b = empty(a.shape), channels_last(a), channels_last(b)
    added(tuple(y.shape), act)(a.data_ptr(), b.data_ptr(), y.data_ptr())
    return y


class ActivationFunction(PyLayer):
    """y = act(x). x: [N, C, H, W]."""

    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, act: Activation) -> paddle.Tensor:
        x, y = channels_last(x), empty(x.shape)
        both(tuple(x.shape), act).forward(x.data_ptr(), y.data_ptr())
        ctx.act = act
        ctx.save_for_backward(view(y) if act.backward else x)  # y itself would hold this function, which holds y
        return y

    @staticmethod
    def backward(ctx: Any, y_gradient: paddle.Tensor) -> paddle.Tensor:
        (saved,) = ctx.saved_tensor()
        return gradient(saved, ctx.act, y_gradient)


class SumFunction(PyLayer):
    """y = act(a + b), or a + b. The gradient of `act` is taken from its result. All tensors are [N, C, H, W]."""

    @staticmethod
    def forward(ctx: Any, a: paddle.Tensor, b: paddle.Tensor, act: Activation | None) -> paddle.Tensor:
        ctx.act, ctx.wanted = act, WantedGradients(a, b)
        y = total(a, b, act)
        if act is not None:
            ctx.save_for_backward(view(y))  # y itself would hold this function, which holds y
        return y

    @staticmethod
    def backward(ctx: Any, y_gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        if ctx.act is None:
            x_gradient = channels_last(y_gradient)
        else:
            (y,) = ctx.saved_tensor()
            x_gradient = gradient(y, ctx.act, y_gradient)
        return ctx.wanted.of(view(x_gradient), view(x_gradient))


class ForkFunction(PyLayer):
    """(x, x), for two readers. Its gradient is the sum of theirs, channels last, which Paddle's own sum is not."""

    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        return view(x), view(x)

    @staticmethod
    def backward(ctx: Any, a: paddle.Tensor, b: paddle.Tensor) -> paddle.Tensor:
        return total(a, b)
