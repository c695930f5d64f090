"""What evaluation keeps of a convolution whose weights never change, and of the BatchNorm behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

import numpy as np
import paddle

from paddle_tsm.onednn.activation import Activation
from paddle_tsm.onednn.convolution import Sizes
from paddle_tsm.onednn.inference import Factors, Fused, fused
from paddle_tsm.onednn.primitive import Call
from paddle_tsm.onednn.tensors import FLOAT32, channels_last, empty, last_strides

ALIGNMENT = 64  # bytes
SHAPES = 8  # of x, for which a thread keeps what it has prepared for a layer


class Folded:
    """One weight and bias for a convolution and its BatchNorm, the weight in the order that `compute` wants."""

    def __init__(self, compute: Fused, weight: paddle.Tensor, bias: paddle.Tensor | None, factors: Factors):
        scale, shift = factors
        self.description = compute.weight
        self.bias = shift if bias is None else bias * scale + shift
        self._values = np.empty(compute.weight.size + ALIGNMENT, np.uint8)
        self.address = -(-self._values.ctypes.data // ALIGNMENT) * ALIGNMENT
        scaled = weight * scale.reshape([-1, 1, 1, 1])
        compute.reorder(scaled.data_ptr(), self.address)


class Prepared:
    """The convolution of one layer whose weights never change, for every x of one shape, by one thread.

    To find out about each x what `conv_norm` has to know takes longer than a small convolution.
    """

    def __init__(self, compute: Fused, weights: Folded):
        self._call, self._kept = Call(compute.compute.handle, compute.arguments), (compute, weights)
        self._y = compute.sizes.y
        self._x_strides, self._y_strides = last_strides(compute.sizes.x), last_strides(self._y)
        self._call.place(compute.constants, weights.address, weights.bias.data_ptr())

    def __call__(self, x: paddle.Tensor, added: paddle.Tensor | None) -> paddle.Tensor:
        """x, added: float32, of the shapes that this was made for."""
        if x.strides != self._x_strides:
            x = channels_last(x)
        y = empty(self._y)
        if added is None:
            self._call.place(0, x.data_ptr(), y.data_ptr())
        else:
            if added.strides != self._y_strides:
                added = channels_last(added)
            self._call.place(0, x.data_ptr(), y.data_ptr(), added.data_ptr())
        self._call.run()
        return y


class _Calls(threading.local):
    """What each thread has prepared for one layer, by shape."""

    def __init__(self) -> None:
        self.prepared: dict[Hashable, Prepared] = {}


class FixedWeights:
    """What is made of the weights of a convolution and its BatchNorm for the first x, and kept for those that follow.

    Only for weights that never change, because nothing tells of a change: Paddle's optimizers and `set_value` leave a
    tensor's `inplace_version` as it was.
    """

    def __init__(self) -> None:
        self._folded: list[Folded] = []  # one for each order that oneDNN has asked for
        self._calls = _Calls()

    def prepared(self, x: paddle.Tensor, added: paddle.Tensor | None, act: Activation | None) -> Prepared | None:
        """What computes x; None where no such x came before, or a gradient may be wanted."""
        if x.dtype is not FLOAT32 or paddle.is_grad_enabled():  # `!=` takes half a microsecond
            return None
        return self._calls.prepared.get((*x.shape, added is None, act))

    def prepare(
        self,
        sizes: Sizes,
        has_added: bool,
        act: Activation | None,
        weight: paddle.Tensor,
        bias: paddle.Tensor | None,
        factors: Callable[[], Factors],
    ) -> Prepared:
        """What computes each x of one shape. weight, bias, factors: see `convolution_and_norm`."""
        compute = fused(sizes._replace(has_bias=True), False, has_added, act)
        folded = next((one for one in self._folded if one.description.equals(compute.weight)), None)
        if folded is None:
            folded = Folded(compute, weight, bias, factors())
            self._folded.append(folded)
        prepared, calls = Prepared(compute, folded), self._calls.prepared
        if len(calls) >= SHAPES:
            del calls[next(iter(calls))]
        key = (*sizes.x, not has_added, act)
        calls[key] = prepared
        return prepared
