"""A residual stream in parts: the channels that the next block shifts lie in tensors of their own.

A shift then touches only the channels that move, and no channel is sliced out or put back. The convolution that writes
the stream is cut by output channels. The one that reads it is cut by input channels, and the products are added.
Nothing is computed twice.
"""

from __future__ import annotations

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

# (first channel, end) of each part
Ranges = tuple[tuple[int, int], ...]


def whole(channels: int) -> Ranges:
    """One part that holds all channels."""
    return ((0, channels),)


def not_empty(*ranges: tuple[int, int]) -> Ranges:
    """The ranges that hold a channel."""
    return tuple((first, end) for first, end in ranges if end > first)


def channels_of(ranges: Ranges) -> int:
    """The number of channels of the stream that has these parts."""
    return sum(end - first for first, end in ranges)


def regroup(stream: list[Tensor], present: Ranges, wanted: Ranges) -> list[Tensor]:
    """The stream's channels in the parts `wanted` instead of `present`."""
    if present == wanted:
        return stream
    if len(present) > 1:
        in_order = [part for _, part in sorted(zip(present, stream), key=lambda pair: pair[0])]
        stream = [paddle.concat(in_order, 1)]
    if len(wanted) == 1:
        return stream
    cuts = sorted(wanted)
    pieces = dict(zip(cuts, paddle.split(stream[0], [end - first for first, end in cuts], 1)))
    return [pieces[part] for part in wanted]


class FixedConvolution(nn.Layer):
    """A convolution with given arrays. weight: [out, in / groups, kh, kw]; bias: [out] or None."""

    def __init__(
        self,
        weight: np.ndarray,
        bias: np.ndarray | None,
        dtype: str,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
    ):
        super().__init__()
        self.stride, self.padding, self.groups = stride, padding, groups
        self.weight = self.fixed(weight, dtype)
        self.bias = None if bias is None else self.fixed(bias, dtype)

    def fixed(self, array: np.ndarray, dtype: str) -> Tensor:
        """A parameter that holds the array."""
        parameter = self.create_parameter(
            list(array.shape), dtype=dtype, default_initializer=nn.initializer.Constant(0.0)
        )
        parameter.set_value(np.ascontiguousarray(array.astype(dtype)))
        return parameter

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, groups=self.groups)


class PartwiseConvolution(nn.Layer):
    """A convolution from a stream in the parts `read` to one in the parts `written`. weight: [out, in, kh, kw]; bias:
    [out].

    apart: whether what is added to the widest part is added by an operator of its own. Paddle Inference adds in the
    convolution wherever it can, and copies the sum there first (phi/kernels/onednn/conv_handler.h,
    AcquireDstMemoryWithResidual, release 3.3), which costs more. It cannot where the convolution is subtracted, so this
    computes its negative, and the difference is the same to the bit.
    """

    def __init__(
        self,
        weight: np.ndarray,
        bias: np.ndarray,
        dtype: str,
        read: Ranges,
        written: Ranges,
        stride: int = 1,
        padding: int = 0,
        apart: bool = False,
    ):
        super().__init__()
        self.read, self.written = read, written
        self.apart = [apart and 2 * (b - a) >= channels_of(written) for a, b in written]
        self.products = nn.LayerList()  # for each part written, one convolution of each part read
        for (a, b), negative in zip(written, self.apart):
            row = nn.LayerList()
            for number, (c, d) in enumerate(read):
                part, constant = weight[a:b, c:d], None if number else bias[a:b]
                if negative and constant is not None:
                    part, constant = -part, -constant
                row.append(FixedConvolution(part, constant, dtype, stride, padding))
            self.products.append(row)

    def forward(self, stream: list[Tensor], added: list[Tensor] | None = None) -> list[Tensor]:
        """stream: the parts `read`. added: what is added to each part of the result; None, where it is not `apart`, for
        nothing. Returns the parts `written`.
        """
        result = []
        for number, row in enumerate(self.products):
            total = None if added is None else added[number]
            for place, (product, part) in enumerate(zip(row, stream)):
                term = product(part)
                if total is None:
                    total = term
                elif self.apart[number] and place == 0:
                    total = total - term
                else:
                    total = term + total
            result.append(total)
        return result


class PartwiseDepthwise(nn.Layer):
    """A convolution of each channel by itself, of a stream in `parts`, which the result is in, too. weight: [channels,
    1, kh, kw]; bias: [channels].
    """

    def __init__(
        self, weight: np.ndarray, bias: np.ndarray, dtype: str, parts: Ranges, stride: int = 1, padding: int = 0
    ):
        super().__init__()
        self.read = self.written = parts
        self.convolutions = nn.LayerList(
            FixedConvolution(weight[a:b], bias[a:b], dtype, stride, padding, groups=b - a) for a, b in parts
        )

    def forward(self, stream: list[Tensor]) -> list[Tensor]:
        """The parts -> the parts."""
        return [convolution(part) for convolution, part in zip(self.convolutions, stream, strict=True)]


class OnWhole(nn.Layer):
    """A layer that takes the whole of a stream, and gives the whole of one. channels: of what it takes and gives."""

    def __init__(self, layer: nn.Layer, channels_read: int, channels_written: int):
        super().__init__()
        self.layer, self.read, self.written = layer, whole(channels_read), whole(channels_written)

    def forward(self, stream: list[Tensor]) -> list[Tensor]:
        """One part -> one part."""
        (x,) = stream
        return [self.layer(x)]
