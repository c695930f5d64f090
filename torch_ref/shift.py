"""The temporal shift (TSM, arXiv:1811.08383, section 3 and figure 1), written as it is defined."""

import torch
from torch.nn import functional as F


def shifted_folds(channels: int, shift_div: int, shift_order: str) -> list[tuple[int, int]]:
    """(channels of the fold, d) for each run of channels, in order: out[t] = x[t + d]. The runs add up to `channels`.

    future_first: one fold from frame t + 1, one from t - 1 (MIT ops/temporal_shift.py 1f6a834 `TemporalShift.shift`).
    past_first: the other way round, and the two folds together are int(2 * C / shift_div) channels (Paddle's operator).
    causal: one fold, from t - 1 (arXiv:1811.08383, section 4.2). What remains is not moved.
    """
    fold = channels // shift_div
    moved = {
        "future_first": [(fold, 1), (fold, -1)],
        "past_first": [(fold, -1), (channels * 2 // shift_div - fold, 1)],
        "causal": [(fold, -1)],
    }[shift_order]
    return [*moved, (channels - sum(size for size, _ in moved), 0)]


def temporal_shift(
    x: torch.Tensor, num_segments: int, shift_div: int = 8, shift_order: str = "future_first"
) -> torch.Tensor:
    """Give folds of channels the values of the neighbouring frames: out[t, c] = x[t + d(c), c].

    Beyond the two ends of a clip there are zeros: a fold is moved by taking d frames off one end of its time axis and
    padding the other end with d frames of zeros. See `shifted_folds` for d.
    x: [N*T, C, H, W], the T = `num_segments` frames of a clip adjacent; returns the same shape.
    """
    # the channels stay the last axis in memory where they are it, or each later layer would have to rearrange its input
    channels_last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    clips = (x.movedim(1, -1) if channels_last else x).unflatten(0, (-1, num_segments))
    channels, not_time = 4 if channels_last else 2, (0, 0) * 3  # F.pad counts the axes from the last one
    sizes, moves = zip(*shifted_folds(x.shape[1], shift_div, shift_order))
    folds = zip(clips.split(sizes, channels), moves)
    shifted = torch.cat([F.pad(fold, (*not_time, -d, d)) if d else fold for fold, d in folds], channels).flatten(0, 1)
    return shifted.movedim(-1, 1) if channels_last else shifted
