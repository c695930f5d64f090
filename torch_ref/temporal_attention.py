"""A weight for every frame of a clip: `GlobalAttention` in PaddleVideo pptsm_v2.py ed245e9."""

import torch
from torch import nn


class OverFrames(nn.Linear):
    """W m + b, where m has one number for each frame of a clip. The optimizer has a group for it."""


class FrameWeights(nn.Module):
    """Scales every frame of a clip by sigmoid(W m + b), where m has the mean of each of its T frames.

    W has T x T numbers, so that a network of 8 frames takes no clip of 16. A weight is between 0 and 1.
    x and the result are [N*T, C, H, W].
    """

    def __init__(self, frames: int):
        super().__init__()
        self.fc = OverFrames(frames, frames)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        clips = x.unflatten(0, (-1, self.fc.in_features))
        weights = self.fc(clips.mean(dim=(2, 3, 4))).sigmoid()
        return torch.einsum("nt...,nt->nt...", clips, weights).flatten(0, 1)
