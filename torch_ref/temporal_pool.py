"""Temporal max pooling, `TemporalPool` in MIT's ops/temporal_shift.py 1f6a834: one frame for every two."""

import torch
from torch.nn import functional as F


def temporal_pool(x: torch.Tensor, num_segments: int) -> torch.Tensor:
    """out[t] = max(x[2t - 1], x[2t], x[2t + 1]), and only the frames of the clip count.

    x: [N*T, C, H, W], T = `num_segments`, an even number; returns [N*T/2, C, H, W].
    """
    # a clip is an image of T rows, one for each frame, and a column for each of a frame's values
    rows = x.reshape(-1, 1, num_segments, x.shape[1:].numel())
    return F.max_pool2d(rows, (3, 1), stride=(2, 1), padding=(1, 0)).reshape(-1, *x.shape[1:])
