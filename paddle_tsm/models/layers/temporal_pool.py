"""The temporal pool, which halves the frames in front of the second stage.

Source: MIT ops/temporal_shift.py 1f6a834 `TemporalPool`.
"""

from __future__ import annotations

import paddle
from paddle.nn import functional as F


def temporal_pool(x: paddle.Tensor, num_segments: int) -> paddle.Tensor:
    """out[t] = max over d = -1, 0, 1 of x[2 * t + d], where the clip has such a frame.

    x: [N*T, C, H, W] with T = `num_segments`, which must be even; returns [N*T/2, C, H, W].
    """
    _, c, h, w = x.shape
    x = x.reshape([-1, num_segments, c, h * w]).transpose([0, 2, 1, 3])  # [N, C, T, H*W]
    x = F.max_pool2d(x, (3, 1), stride=(2, 1), padding=(1, 0))  # [N, C, T/2, H*W]
    return x.transpose([0, 2, 1, 3]).reshape([-1, c, h, w])  # [N*T/2, C, H, W]
