"""The order in which the frames of a batch lie, and what has to know it: whatever computes over the frames of a clip.

A network shifts within groups of frames, which are whole clips unless `Network.shift_segments` says otherwise. Frames
may lie time-major within these groups (see `frame_moves.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from paddle import Tensor, nn
from paddle.nn import functional as F

from paddle_tsm.export.frame_moves import clip_major, time_major


@dataclass(frozen=True)
class FrameOrder:
    """frames: of a clip. group: the frames within which the network shifts. time_major: whether frames lie
    time-major in each group, or else adjacent.
    """

    frames: int
    group: int
    time_major: bool

    def to_clips(self, x: Tensor) -> Tensor:
        """[N*T, C, H, W] in this order -> the frames of a clip adjacent."""
        return clip_major(x, self.group) if self.time_major else x

    def from_clips(self, x: Tensor) -> Tensor:
        """[N*T, C, H, W], the frames of a clip adjacent -> this order."""
        return time_major(x, self.group) if self.time_major else x

    def mean(self, x: Tensor) -> Tensor:
        """[N*T, K] in this order -> [N, K], the mean over the frames of a clip."""
        classes, groups = x.shape[-1], self.frames // self.group
        if self.time_major:
            total = x.reshape([self.group, -1, classes]).sum(0)
        else:
            total = x.reshape([-1, self.group, classes]).sum(1)
        if groups > 1:
            total = total.reshape([-1, groups, classes]).sum(1)
        return total / self.frames


class FrameAttention(nn.Layer):
    """A weight for each frame of a clip, which follows from the means of all of them: x * sigmoid(W mean(x) + b).

    linear: from T frames to T. Source: PaddleVideo backbones/pptsm_v2.py ed245e9 `GlobalAttention`.
    """

    def __init__(self, linear: nn.Linear, order: FrameOrder):
        super().__init__()
        self.linear, self.order = linear, order

    def forward(self, x: Tensor) -> Tensor:
        """[N*T, C, H, W] -> the same shape."""
        means = F.adaptive_avg_pool2d(x, 1).mean(1, keepdim=True)  # [N*T, 1, 1, 1]
        clips = self.order.to_clips(means).reshape([-1, self.order.frames])  # [N, T]
        weights = F.sigmoid(self.linear(clips)).reshape([-1, 1, 1, 1])
        return x * self.order.from_clips(weights)
