"""The temporal shift (TSM, arXiv:1811.08383, section 3)."""

import paddle


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
    _, c, h, w = x.shape
    first, second = fold_ends(c, shift_div, shift_order)
    x = x.reshape([-1, num_segments, c, h, w])  # [N, T, C, H, W]
    blank = paddle.zeros_like(x[:, :1])

    def from_next(fold):
        return paddle.concat([x[:, 1:, fold], blank[:, :, fold]], axis=1)

    def from_previous(fold):
        return paddle.concat([blank[:, :, fold], x[:, :-1, fold]], axis=1)

    directions = (from_next, from_previous) if shift_order == "future_first" else (from_previous, from_next)
    folds = (slice(0, first), slice(first, second))
    parts = [move(fold) for move, fold in zip(directions, folds) if fold.stop > fold.start]
    return paddle.concat([*parts, x[:, :, second:]], axis=2).reshape([-1, c, h, w])  # [N*T, C, H, W]
