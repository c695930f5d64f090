"""The temporal shift, as TSM (arXiv:1811.08383, section 3 and figure 1) defines it."""

import torch
from torch.nn import functional as F


def shifted_folds(channels: int, shift_div: int, shift_order: str) -> list[tuple[int, int]]:
    """(number of channels, d) for each run of channels, in order, where out[t] = x[t + d]. They add up to `channels`.

    future_first: one fold comes from frame t + 1, the next from t - 1 (MIT ops/temporal_shift.py 1f6a834
    `TemporalShift.shift`). past_first: the other way round, and both folds together have int(2 * C / shift_div)
    channels (Paddle's operator). causal: one fold comes from t - 1 (arXiv:1811.08383, section 4.2). The other channels
    do not move: their d is 0.
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
    """Give folds of channels the values of a neighbouring frame: out[t, c] = x[t + d(c), c].

    The values of frames beyond both ends of a clip are zeros. `shifted_folds` says what d is. A fold moves by padding:
    d frames are cut off one end of its time axis, and the other end is padded with d frames of zeros.
    x: [N*T, C, H, W], the T = `num_segments` frames of a clip adjacent; returns the same shape.
    """
    # Channels that are the last axis in memory stay the last. Otherwise each later layer would rearrange its input.
    channels_last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    clips = (x.movedim(1, -1) if channels_last else x).unflatten(0, (-1, num_segments))
    channels, not_time = 4 if channels_last else 2, (0, 0) * 3  # F.pad counts the axes from the last one
    sizes, moves = zip(*shifted_folds(x.shape[1], shift_div, shift_order))
    folds = zip(clips.split(sizes, channels), moves)
    shifted = torch.cat([F.pad(fold, (*not_time, -d, d)) if d else fold for fold, d in folds], channels).flatten(0, 1)
    return shifted.movedim(-1, 1) if channels_last else shifted
