"""A residual stream in parts: the channels that the next block shifts lie in tensors of their own.

Then the shift touches only what moves, no channel is sliced out or put back, and nothing is computed twice: the
convolution that writes the stream is cut by output channels, the one that reads it by input channels, their products
being added where a residual is.
"""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

Ranges = tuple[tuple[int, int], ...]


def whole(channels: int) -> Ranges:
    return ((0, channels),)


def parts_of(*ranges: tuple[int, int]) -> Ranges:
    """The ranges that hold any channel."""
    return tuple((a, b) for a, b in ranges if b > a)


def recut(stream: list, there: Ranges, wanted: Ranges) -> list:
    """The same channels in other parts; one of the two must be whole, or they are equal."""
    if there == wanted:
        return stream
    if len(wanted) == 1:
        in_order = [part for _, part in sorted(zip(there, stream), key=lambda pair: pair[0])]
        return [paddle.concat(in_order, 1)]
    assert len(there) == 1
    in_order = sorted(wanted)
    pieces = dict(zip(in_order, paddle.split(stream[0], [b - a for a, b in in_order], 1)))
    return [pieces[part] for part in wanted]


class Convolution(nn.Layer):
    """A convolution with given arrays. weight: [out, in / groups, kh, kw]; bias: [out] or None."""

    def __init__(self, weight, bias, dtype: str, stride: int = 1, padding: int = 0, groups: int = 1):
        super().__init__()
        self.stride, self.padding, self.groups = stride, padding, groups
        self.weight = self.fixed(weight, dtype)
        self.bias = None if bias is None else self.fixed(bias, dtype)

    def fixed(self, array, dtype: str):
        parameter = self.create_parameter(
            list(array.shape), dtype=dtype, default_initializer=nn.initializer.Constant(0.0)
        )
        parameter.set_value(np.ascontiguousarray(array.astype(dtype)))
        return parameter

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, groups=self.groups)


class PartedConvolution(nn.Layer):
    """A convolution from a stream in the parts `read` to one in the parts `written`."""

    def __init__(self, weight, bias, dtype: str, read: Ranges, written: Ranges, stride: int = 1, padding: int = 0):
        super().__init__()
        self.products = nn.LayerList()
        for a, b in written:
            row = nn.LayerList()
            for number, (c, d) in enumerate(read):
                row.append(Convolution(weight[a:b, c:d], None if number else bias[a:b], dtype, stride, padding))
            self.products.append(row)

    def forward(self, stream: list, added: list | None = None) -> list:
        """stream: a tensor a part; added: what is added to each part of the result."""
        result = []
        for number, row in enumerate(self.products):
            total = None if added is None else added[number]
            for product, part in zip(row, stream):
                term = product(part)
                total = term if total is None else term + total
            result.append(total)
        return result
