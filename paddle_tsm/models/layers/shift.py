"""The temporal shift (TSM, arXiv:1811.08383, section 3)."""

from __future__ import annotations

import paddle
from paddle import nn

from paddle_tsm.models.layers.shift_kernels import CopiedShift, copy_planes, shift_slices
from paddle_tsm.onednn.shift import moved
from paddle_tsm.onednn.tensors import is_channels_last, serves


def fold_ends(channels: int, shift_div: int, shift_order: str) -> tuple[int, int]:
    """The channels at which the first and the second fold end. A causal shift has no second fold: both are the same.

    `past_first` is the order of Paddle's operator, whose second fold ends at int(2 * C / div). That is one channel more
    than two folds where 2 * (C mod div) >= div (phi/kernels/cpu/temporal_shift_kernel.cc).
    """
    fold = channels // shift_div
    if shift_order == "causal":
        return fold, fold
    return fold, 2 * channels // shift_div if shift_order == "past_first" else 2 * fold


def temporal_shift(
    x: paddle.Tensor, num_segments: int, shift_div: int = 8, shift_order: str = "future_first"
) -> paddle.Tensor:
    """Replace folds of channels by those of the neighbouring frames. Frames outside the clip count as zeros.

        out[t, c] = x[t + d(c), c],   first fold: d = +1, second fold: d = -1, other channels: d = 0   (future_first)

    `past_first` exchanges the two directions; `causal` has one fold, with d = -1.
    x: [N*T, C, H, W], the frames of a clip adjacent, T = `num_segments`; returns the same shape.
    Source: MIT ops/temporal_shift.py 1f6a834 `TemporalShift.shift`; mmaction2 resnet_tsm.py 4d6c934.
    """
    first, second = fold_ends(x.shape[1], shift_div, shift_order)
    if second == 0:
        return x
    direction = 1 if shift_order == "future_first" else -1
    if serves(x) and is_channels_last(x):
        return CopiedShift.apply(x, moved, num_segments, first, second, direction)
    eager = paddle.in_dynamic_mode() and x.dtype in (paddle.float32, paddle.float64) and x.shape[0] > 0
    if eager:
        return CopiedShift.apply(x, copy_planes, num_segments, first, second, direction)
    return shift_slices(x, num_segments, first, second, direction)


class Shift(nn.Layer):
    """The temporal shift as a layer. It has no tensors, so that it adds no key to a checkpoint."""

    def __init__(self, num_segments: int, shift_div: int, shift_order: str):
        super().__init__()
        self.num_segments, self.shift_div, self.shift_order = num_segments, shift_div, shift_order

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N*T, C, H, W] -> the same shape."""
        return temporal_shift(x, self.num_segments, self.shift_div, self.shift_order)
