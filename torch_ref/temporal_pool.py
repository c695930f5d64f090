"""The temporal pool: a maximum over neighbouring frames that halves their number.

It is MIT's `TemporalPool` (ops/temporal_shift.py 1f6a834).
"""

import torch
from torch.nn import functional as F


def temporal_pool(x: torch.Tensor, num_segments: int) -> torch.Tensor:
    """out[t] = max(x[2t - 1], x[2t], x[2t + 1]), over those of the three frames that the clip has.

    x: [N*T, C, H, W], T = `num_segments`, an even number; returns [N*T/2, C, H, W].
    """
    # Each clip becomes an image with a row for each frame and a column for each value of a frame.
    rows = x.reshape(-1, 1, num_segments, x.shape[1:].numel())
    return F.max_pool2d(rows, (3, 1), stride=(2, 1), padding=(1, 0)).reshape(-1, *x.shape[1:])
