"""The maximum of every window."""

from __future__ import annotations

from typing import Any, NamedTuple

import paddle
from paddle.autograd import PyLayer

from paddle_tsm.onednn import primitive
from paddle_tsm.onednn.primitive import Primitive, dims, kept_per_thread
from paddle_tsm.onednn.tensors import channels_last, empty

MAXIMUM = 0x1FF  # dnnl_pooling_max
SRC, DST, WORKSPACE, DIFF_SRC, DIFF_DST = 1, 17, 64, 129, 145  # DNNL_ARG_*


class Sizes(NamedTuple):
    """x: [N, C, H, W]. The window, its stride and the padding are the same for height and width."""

    x: tuple[int, ...]
    window: int
    stride: int
    padding: int

    @property
    def y(self) -> tuple[int, ...]:
        """The shape of the result."""
        return (*self.x[:2], *((size + 2 * self.padding - self.window) // self.stride + 1 for size in self.x[2:]))

    @property
    def place(self) -> tuple[Any, ...]:
        """Strides, window, dilations, and paddings in front and behind."""
        pairs = self.stride, self.window, 0, self.padding, self.padding
        return tuple(dims((size, size)) for size in pairs)

    def forward(self) -> Primitive:
        """The forward pass, not bound."""
        x, y = primitive.channels_last(self.x), primitive.channels_last(self.y)
        return Primitive("pooling_forward", primitive.TRAINING, MAXIMUM, x, y, *self.place, None)


class Pool:
    """Both passes. The workspace says which value of each window was the largest."""

    def __init__(self, sizes: Sizes):
        x, y = primitive.channels_last(sizes.x), primitive.channels_last(sizes.y)
        self.forward = sizes.forward()
        self.workspace = self.forward.description(primitive.WORKSPACE)
        self.backward = Primitive("pooling_backward", MAXIMUM, x, y, *sizes.place, self.forward.desc, None)
        self.forward.bind({SRC: x, DST: y, WORKSPACE: self.workspace})
        self.backward.bind({DIFF_SRC: x, DIFF_DST: y, WORKSPACE: self.workspace})


pool = kept_per_thread(Pool)


class MaxPoolFunction(PyLayer):
    """y = the maxima of x, [N, C, H, W] -> [N, C, H', W']."""

    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, window: int, stride: int, padding: int) -> paddle.Tensor:
        ctx.sizes = Sizes(tuple(x.shape), window, stride, padding)
        x, y, compute = channels_last(x), empty(ctx.sizes.y), pool(ctx.sizes)
        ctx.workspace = paddle.empty([compute.workspace.size], "uint8")
        compute.forward(x.data_ptr(), y.data_ptr(), ctx.workspace.data_ptr())
        return y

    @staticmethod
    def backward(ctx: Any, y_gradient: paddle.Tensor) -> paddle.Tensor:
        x_gradient, y_gradient = empty(ctx.sizes.x), channels_last(y_gradient)
        pool(ctx.sizes).backward(x_gradient.data_ptr(), y_gradient.data_ptr(), ctx.workspace.data_ptr())
        return x_gradient
