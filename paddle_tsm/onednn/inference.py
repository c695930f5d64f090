"""A convolution in evaluation together with what follows it: y = act(norm(convolution of x) + added), in one pass."""

from __future__ import annotations

from collections.abc import Callable

import paddle

from paddle_tsm.onednn import primitive
from paddle_tsm.onednn.activation import ADD, Activation, Attributes
from paddle_tsm.onednn.convolution import BIAS, DST, SRC, WEIGHTS, Sizes
from paddle_tsm.onednn.primitive import Reorder, contiguous, kept_per_thread, scratch
from paddle_tsm.onednn.tensors import channels_last, empty

MULTIPLY = 0x1FFF1  # dnnl_binary_mul
OTHER = 32768  # DNNL_ARG_ATTR_MULTIPLE_POST_OP(k) is this times k + 1; the other tensor of it is that plus SRC_1
SRC_1 = 2

Factors = tuple[paddle.Tensor, paddle.Tensor]


class Fused:
    """The convolution, a factor and a summand for each channel, a tensor that is added, and an activation.

    has_factors: False where factor and summand are part of the weight and the bias; `sizes` then has a bias.
    `compute` takes x, y, the added tensor where there is one, weight, factor and summand where there are these, and the
    bias where there is one. constants: how many of these stand in front of the weight.
    """

    def __init__(self, sizes: Sizes, has_factors: bool, has_added: bool, act: Activation | None):
        x, _, bias, y = sizes.memory
        channels = contiguous((1, sizes.y[1], 1, 1))
        others = ([(MULTIPLY, channels), (ADD, channels)] if has_factors else []) + ([(ADD, y)] if has_added else [])
        follows = Attributes()
        for algorithm, other in others:
            follows.combine(algorithm, other)
        if act is not None:
            follows.activate(act)
        self.sizes = sizes
        self.compute = sizes.forward(primitive.INFERENCE, follows.made())
        self.weight = self.compute.description(primitive.WEIGHTS)
        self.reorder = Reorder(contiguous(sizes.grouped_weight), self.weight)
        numbered = {OTHER * (place + 1) + SRC_1: other for place, (_, other) in enumerate(others)}
        changing = {SRC: x, DST: y} | {number: other for number, other in numbered.items() if other is y}
        constant = {WEIGHTS: self.weight} | {number: other for number, other in numbered.items() if other is channels}
        self.constants = len(changing)
        self.arguments = changing | constant | ({} if bias is None else {BIAS: bias})
        self.compute.bind(self.arguments)


fused = kept_per_thread(Fused)


def convolution_and_norm(
    x: paddle.Tensor,
    sizes: Sizes,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None,
    factors: Callable[[], Factors],
    added: paddle.Tensor | None,
    act: Activation | None,
) -> paddle.Tensor:
    """act((convolution of x) * scale + shift + added), without a gradient.

    factors: gives scale and shift, [C'] each. added: of the result's shape [N, C', H', W'], or None.
    """
    compute = fused(sizes, True, added is not None, act)
    reordered, made = scratch(compute.weight.size), factors()
    compute.reorder(weight.data_ptr(), reordered)
    x, y = channels_last(x), empty(sizes.y)
    changing = [x, y, *([] if added is None else [channels_last(added)])]
    constant = [*made, *([] if bias is None else [bias])]
    compute.compute(*(one.data_ptr() for one in changing), reordered, *(one.data_ptr() for one in constant))
    return y
