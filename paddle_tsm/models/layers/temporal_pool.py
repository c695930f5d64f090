"""Temporal pooling: half the frames from the second stage on (MIT ops/temporal_shift.py 1f6a834 `TemporalPool`)."""

from paddle.nn import functional as F


def temporal_pool(x, num_segments: int):
    """The maximum over frames t-1, t, t+1 for every second t. x: [N*T, C, H, W], T even -> [N*T/2, C, H, W]"""
    _, c, h, w = x.shape
    x = x.reshape([-1, num_segments, c, h * w]).transpose([0, 2, 1, 3])  # [N, C, T, H*W]
    x = F.max_pool2d(x, (3, 1), stride=(2, 1), padding=(1, 0))  # [N, C, T/2, H*W]
    return x.transpose([0, 2, 1, 3]).reshape([-1, c, h, w])  # [N*T/2, C, H, W]
