"""The temporal shift (TSM, arXiv:1811.08383, section 3)."""

import torch


def fold_ends(channels: int, shift_div: int, shift_order: str) -> tuple[int, int]:
    """Where the first and the second fold of channels end.

    `past_first` is Paddle's operator, whose second fold ends at int(2 * C / div).
    """
    if shift_order == "causal":
        return channels // shift_div, channels // shift_div
    if shift_order == "past_first":
        return channels // shift_div, 2 * channels // shift_div
    return channels // shift_div, 2 * (channels // shift_div)


def temporal_shift(x, num_segments: int, shift_div: int = 8, shift_order: str = "future_first"):
    """Replace folds of channels by those of the neighbouring frames; beyond the clip's ends there are zeros.

        out[t, c] = x[t + d(c), c],   fold 1: d = +1, fold 2: d = -1, the rest: d = 0   (future_first)

    `past_first` exchanges the two directions; `causal` has one fold, d = -1.
    x: [N*T, C, H, W], frames of a clip adjacent, T = `num_segments`; returns the same shape.
    Source: MIT ops/temporal_shift.py 1f6a834 `TemporalShift.shift`; mmaction2 resnet_tsm.py 4d6c934.
    """
    _, c, h, w = x.shape
    first, second = fold_ends(c, shift_div, shift_order)
    direction = 1 if shift_order == "future_first" else -1
    x = x.reshape(-1, num_segments, c, h, w)  # [N, T, C, H, W]
    out = torch.zeros_like(x)
    for begin, end, d in ((0, first, direction), (first, second, -direction), (second, c, 0)):
        to = slice(max(0, -d), num_segments - max(0, d))  # the frames t for which t + d lies in the clip
        source = slice(max(0, d), num_segments + min(0, d))
        out[:, to, begin:end] = x[:, source, begin:end]
    return out.reshape(-1, c, h, w)  # [N*T, C, H, W]
