"""A convolution in evaluation together with what follows it: y = act(norm(convolution of x) + added), in one pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import paddle

from paddle_tsm.onednn import primitive
from paddle_tsm.onednn.activation import ADD, Activation, Attributes
from paddle_tsm.onednn.convolution import BIAS, DST, SRC, WEIGHTS, Sizes
from paddle_tsm.onednn.primitive import Description, Reorder, contiguous, kept_per_thread, scratch
from paddle_tsm.onednn.tensors import channels_last, empty

MULTIPLY = 0x1FFF1  # dnnl_binary_mul
OTHER = 32768  # DNNL_ARG_ATTR_MULTIPLE_POST_OP(k) is this times k + 1; the other tensor of it is that plus SRC_1
SRC_1 = 2
ALIGNMENT = 64  # bytes

Factors = tuple[paddle.Tensor, paddle.Tensor]


class Fused:
    """The convolution, a factor and a summand for each channel, a tensor that is added, and an activation."""

    def __init__(self, sizes: Sizes, has_added: bool, act: Activation | None):
        x, _, bias, y = sizes.memory
        channels = contiguous((1, sizes.y[1], 1, 1))
        others = [(MULTIPLY, channels), (ADD, channels)] + ([(ADD, y)] if has_added else [])
        follows = Attributes()
        for algorithm, other in others:
            follows.combine(algorithm, other)
        if act is not None:
            follows.activate(act)
        self.y_shape = sizes.y
        self.compute = sizes.forward(primitive.INFERENCE, follows.made())
        self.weight = self.compute.description(primitive.WEIGHTS)
        self.reorder = Reorder(contiguous(sizes.grouped_weight), self.weight)
        arguments = {SRC: x, WEIGHTS: self.weight, DST: y}
        arguments |= {OTHER * (place + 1) + SRC_1: other for place, (_, other) in enumerate(others)}
        self.compute.bind(arguments | ({} if bias is None else {BIAS: bias}))


fused = kept_per_thread(Fused)


class FixedWeights:
    """What is made of the weights of a convolution and its BatchNorm for the first x, and kept for those that follow.

    Only for weights that never change, because nothing tells of a change: Paddle's optimizers and `set_value` leave a
    tensor's `inplace_version` as it was.
    """

    def __init__(self) -> None:
        self._kept: tuple[Description, int, np.ndarray, Factors] | None = None

    def made_for(self, compute: Fused, weight: paddle.Tensor, factors: Callable[[], Factors]) -> tuple[int, Factors]:
        """The address of the weight in the order that `compute` wants, and the norm's factors."""
        if self._kept is None or not self._kept[0].equals(compute.weight):
            values = np.empty(compute.weight.size + ALIGNMENT, np.uint8)
            address = -(-values.ctypes.data // ALIGNMENT) * ALIGNMENT
            compute.reorder(weight.data_ptr(), address)
            self._kept = compute.weight, address, values, factors()
        _, address, _, made = self._kept
        return address, made


def convolution_and_norm(
    x: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None,
    sizes: Sizes,
    factors: Callable[[], Factors],
    added: paddle.Tensor | None,
    act: Activation | None,
    fixed: FixedWeights | None,
) -> paddle.Tensor:
    """act((convolution of x) * scale + shift + added), without a gradient.

    factors: gives scale and shift, [C'] each. added: of the result's shape [N, C', H', W'], or None. fixed: of weights
    that never change.
    """
    compute = fused(sizes, added is not None, act)
    if fixed is not None:
        reordered, made = fixed.made_for(compute, weight, factors)
    else:
        reordered, made = scratch(compute.weight.size), factors()
        compute.reorder(weight.data_ptr(), reordered)
    x, y = channels_last(x), empty(compute.y_shape)
    tensors = [y, *made, *([] if added is None else [channels_last(added)]), *([] if bias is None else [bias])]
    compute.compute(x.data_ptr(), reordered, *(tensor.data_ptr() for tensor in tensors))
    return y
