"""A convolution, forward and backward."""

from __future__ import annotations

from typing import Any, NamedTuple

import paddle
from paddle.autograd import PyLayer

from paddle_tsm.onednn import primitive
from paddle_tsm.onednn.primitive import Description, Primitive, Reorder, contiguous, dims, kept_per_thread, scratch
from paddle_tsm.onednn.tensors import channels_last, empty
from paddle_tsm.onednn.wanted_gradients import WantedGradients

DIRECT = 1  # dnnl_convolution_direct
SRC, DST, WEIGHTS, BIAS = 1, 17, 33, 41  # DNNL_ARG_*
DIFF_SRC, DIFF_DST, DIFF_WEIGHTS, DIFF_BIAS = 129, 145, 161, 169


class Sizes(NamedTuple):
    """x: [N, C, H, W]. weight: [C', C / groups, kh, kw]. has_bias: whether a bias [C'] is added."""

    x: tuple[int, ...]
    weight: tuple[int, ...]
    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int
    has_bias: bool

    @property
    def y(self) -> tuple[int, ...]:
        """The shape of the result, [N, C', H', W']."""
        places = zip(self.x[2:], self.weight[2:], self.stride, self.padding, strict=True)
        return (self.x[0], self.weight[0], *((size + 2 * pad - k) // step + 1 for size, k, step, pad in places))

    @property
    def grouped_weight(self) -> tuple[int, ...]:
        """The weight's shape as oneDNN takes it: [groups, C' / groups, C / groups, kh, kw] where there are several."""
        out, *rest = self.weight
        return self.weight if self.groups == 1 else (self.groups, out // self.groups, *rest)

    @property
    def window(self) -> tuple[Any, ...]:
        """Strides, dilations, and paddings in front and behind."""
        return dims(self.stride), dims((0, 0)), dims(self.padding), dims(self.padding)

    @property
    def memory(self) -> tuple[Description, Description, Description | None, Description]:
        """x, weight, bias and y. oneDNN chooses the order of the weight."""
        bias = contiguous(self.weight[:1]) if self.has_bias else None
        x, y = primitive.channels_last(self.x), primitive.channels_last(self.y)
        return x, primitive.any_format(self.grouped_weight), bias, y

    def forward(self, kind: int, attributes: Any = None) -> Primitive:
        """The convolution itself, not bound. kind: TRAINING or INFERENCE."""
        return Primitive("convolution_forward", kind, DIRECT, *self.memory, *self.window, attributes)


class Forward:
    """y = convolution of x with weight, plus bias."""

    def __init__(self, sizes: Sizes):
        x, _, bias, y = sizes.memory
        self.compute = sizes.forward(primitive.TRAINING)
        self.weight = self.compute.description(primitive.WEIGHTS)
        self.reorder = Reorder(contiguous(sizes.grouped_weight), self.weight)
        self.compute.bind({SRC: x, WEIGHTS: self.weight, DST: y} | ({} if bias is None else {BIAS: bias}))

    def __call__(self, x: int, weight: int, y: int, *bias: int) -> None:
        reordered = scratch(self.weight.size)
        self.reorder(weight, reordered)
        self.compute(x, reordered, y, *bias)


class BackwardData:
    """The gradient of x, from that of y."""

    def __init__(self, sizes: Sizes):
        x, weight, _, y = sizes.memory
        hint = sizes.forward(primitive.TRAINING).desc
        self.compute = Primitive("convolution_backward_data", DIRECT, x, weight, y, *sizes.window, hint, None)
        self.weight = self.compute.description(primitive.WEIGHTS)
        self.reorder = Reorder(contiguous(sizes.grouped_weight), self.weight)
        self.compute.bind({DIFF_SRC: x, WEIGHTS: self.weight, DIFF_DST: y})

    def __call__(self, x_gradient: int, weight: int, y_gradient: int) -> None:
        reordered = scratch(self.weight.size)
        self.reorder(weight, reordered)
        self.compute(x_gradient, reordered, y_gradient)


class BackwardWeights:
    """The gradients of weight and bias, from that of y."""

    def __init__(self, sizes: Sizes):
        x, weight, bias, y = sizes.memory
        hint = sizes.forward(primitive.TRAINING).desc
        self.compute = Primitive("convolution_backward_weights", DIRECT, x, weight, bias, y, *sizes.window, hint, None)
        self.weight = self.compute.description(primitive.DIFF_WEIGHTS)
        self.reorder = Reorder(self.weight, contiguous(sizes.grouped_weight))
        self.compute.bind(
            {SRC: x, DIFF_WEIGHTS: self.weight, DIFF_DST: y} | ({} if bias is None else {DIFF_BIAS: bias})
        )

    def __call__(self, x: int, weight_gradient: int, y_gradient: int, *bias_gradient: int) -> None:
        reordered = scratch(self.weight.size)
        self.compute(x, reordered, y_gradient, *bias_gradient)
        self.reorder(reordered, weight_gradient)


forward = kept_per_thread(Forward)
backward_data = kept_per_thread(BackwardData)
backward_weights = kept_per_thread(BackwardWeights)


class ConvolutionFunction(PyLayer):
    """y = convolution of x with weight, plus bias where there is one.

    x: [N, C, H, W] -> [N, C', H', W'], channels last. weight: [C', C / groups, kh, kw]; bias: [C'].
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: paddle.Tensor,
        weight: paddle.Tensor,
        bias: paddle.Tensor | None,
        sizes: Sizes,
    ) -> paddle.Tensor:
        ctx.sizes, ctx.wanted = sizes, WantedGradients(x, weight, bias)
        x = channels_last(x)
        y = empty(sizes.y)
        forward(sizes)(x.data_ptr(), weight.data_ptr(), y.data_ptr(), *([] if bias is None else [bias.data_ptr()]))
        ctx.save_for_backward(x, weight)
        return y

    @staticmethod
    def backward(ctx: Any, y_gradient: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        x, weight = ctx.saved_tensor()
        y_gradient = channels_last(y_gradient)
        wanted = ctx.wanted.now()
        wants_x, *of_weights = wanted
        x_gradient = weight_gradient = bias_gradient = None
        if wants_x:
            x_gradient = empty(x.shape)
            backward_data(ctx.sizes)(x_gradient.data_ptr(), weight.data_ptr(), y_gradient.data_ptr())
        if any(of_weights):
            weight_gradient = paddle.empty(weight.shape, "float32")
            bias_gradient = paddle.empty(weight.shape[:1], "float32") if ctx.sizes.has_bias else None
            addresses = [x.data_ptr(), weight_gradient.data_ptr(), y_gradient.data_ptr()]
            addresses += [] if bias_gradient is None else [bias_gradient.data_ptr()]
            backward_weights(ctx.sizes)(*addresses)
        gradients = (x_gradient, weight_gradient, bias_gradient)[: len(wanted)]  # there may be no bias
        return tuple(gradient if is_wanted else None for gradient, is_wanted in zip(gradients, wanted, strict=True))
