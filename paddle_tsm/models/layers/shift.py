"""The temporal shift (TSM, arXiv:1811.08383, section 3)."""

import paddle
from paddle import nn

from paddle_tsm.models.layers.shift_kernels import MovedPlanes, moved_slices


def fold_ends(channels: int, shift_div: int, shift_order: str) -> tuple[int, int]:
    """Where the first and the second fold of channels end.

    `past_first` is Paddle's operator, whose second fold ends at int(2 * C / div): one channel more than two folds
    where 2 * (C mod div) >= div (phi/kernels/cpu/temporal_shift_kernel.cc).
    """
    fold = channels // shift_div
    if shift_order == "causal":
        return fold, fold
    return fold, 2 * channels // shift_div if shift_order == "past_first" else 2 * fold


def temporal_shift(x, num_segments: int, shift_div: int = 8, shift_order: str = "future_first"):
    """Replace folds of channels by those of the neighbouring frames; beyond the clip's ends there are zeros.

        out[t, c] = x[t + d(c), c],   fold 1: d = +1, fold 2: d = -1, the rest: d = 0   (future_first)

    `past_first` exchanges the two directions; `causal` has one fold, d = -1.
    x: [N*T, C, H, W], frames of a clip adjacent, T = `num_segments`; returns the same shape.
    Source: MIT ops/temporal_shift.py 1f6a834 `TemporalShift.shift`; mmaction2 resnet_tsm.py 4d6c934.
    """
    first, second = fold_ends(x.shape[1], shift_div, shift_order)
    if second == 0:
        return x
    direction = 1 if shift_order == "future_first" else -1
    eager = paddle.in_dynamic_mode() and x.dtype in (paddle.float32, paddle.float64) and x.shape[0] > 0
    return (MovedPlanes.apply if eager else moved_slices)(x, num_segments, first, second, direction)


class Shift(nn.Layer):
    """The temporal shift as a layer without tensors, so that it has a name but no key."""

    def __init__(self, num_segments: int, shift_div: int, shift_order: str):
        super().__init__()
        self.num_segments, self.shift_div, self.shift_order = num_segments, shift_div, shift_order

    def forward(self, x):
        return temporal_shift(x, self.num_segments, self.shift_div, self.shift_order)
