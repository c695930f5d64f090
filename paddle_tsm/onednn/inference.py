"""A convolution in evaluation together with what follows it: y = act(norm(convolution of x) + added), in one pass."""

from __future__ import annotations

import paddle

from paddle_tsm.onednn import primitive
from paddle_tsm.onednn.activation import ADD, Activation, Attributes
from paddle_tsm.onednn.convolution import BIAS, DST, SRC, WEIGHTS, Sizes
from paddle_tsm.onednn.primitive import Reorder, contiguous, kept_per_thread, scratch
from paddle_tsm.onednn.tensors import channels_last, empty

MULTIPLY = 0x1FFF1  # dnnl_binary_mul
OTHER = 32768  # DNNL_ARG_ATTR_MULTIPLE_POST_OP(k) is this times k + 1; the other tensor of it is that plus SRC_1
SRC_1 = 2


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
        self.compute = sizes.forward(primitive.INFERENCE, follows.made())
        self.weight = self.compute.description(primitive.WEIGHTS)
        self.reorder = Reorder(contiguous(sizes.grouped_weight), self.weight)
        arguments = {SRC: x, WEIGHTS: self.weight, DST: y}
        arguments |= {OTHER * (place + 1) + SRC_1: other for place, (_, other) in enumerate(others)}
        self.compute.bind(arguments | ({} if bias is None else {BIAS: bias}))


fused = kept_per_thread(Fused)


def convolution_and_norm(
    x: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None,
    sizes: Sizes,
    scale_and_shift: tuple[paddle.Tensor, paddle.Tensor],
    added: paddle.Tensor | None,
    act: Activation | None,
) -> paddle.Tensor:
    """act((convolution of x) * scale + shift + added), without a gradient.

    scale, shift: [C']. added: of the result's shape [N, C', H', W'], or None.
    """
    compute = fused(sizes, added is not None, act)
    tensors = [channels_last(x), empty(sizes.y), *scale_and_shift, *([] if added is None else [channels_last(added)])]
    tensors += [] if bias is None else [bias]
    reordered = scratch(compute.weight.size)
    compute.reorder(weight.data_ptr(), reordered)
    first, *others = (tensor.data_ptr() for tensor in tensors)
    compute.compute(first, reordered, *others)
    return tensors[1]
