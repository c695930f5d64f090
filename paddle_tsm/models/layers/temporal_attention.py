"""A weight for each frame of a clip (PaddleVideo pptsm_v2.py ed245e9 `GlobalAttention`)."""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F


class FramesLinear(nn.Linear):
    """A Linear layer over the frames of a clip, [N, T] -> [N, T]. It is a class of its own because it has a parameter
    group of its own.
    """

    def __init__(self, num_segments: int):
        super().__init__(num_segments, num_segments, weight_attr=nn.initializer.Normal(0.0, 0.001))


class TemporalAttention(nn.Layer):
    """y[n, t] = x[n, t] * sigmoid(sum_s W[t, s] m[n, s] + b[t]), where m[n, t] is the mean of x[n, t].

    The weights of a frame follow from all frames of its clip. x: [N*T, C, H, W], T = `num_segments`, the frames of a
    clip adjacent; returns the same shape.
    """

    def __init__(self, num_segments: int):
        super().__init__()
        self.num_segments = num_segments
        self.fc = FramesLinear(num_segments)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        means = x.mean([1, 2, 3]).reshape([-1, self.num_segments])  # [N, T]
        return x * F.sigmoid(self.fc(means)).reshape([-1, 1, 1, 1])
