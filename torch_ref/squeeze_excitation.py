"""Squeeze and excitation (Hu et al., arXiv:1709.01507, equations 2 to 4)."""

from collections.abc import Callable

import torch
from torch import nn


class SqueezeExcitation(nn.Module):
    """Scales each channel of x by s = gate(W2 relu(W1 z + b1) + b2), where z is the mean of every channel.

    x: [N, C, H, W]; returns the same shape. W1 has `hidden` rows. W1 and W2 are kept as 1x1 convolutions, whose names
    are torchvision's.
    """

    def __init__(self, channels: int, hidden: int, gate: Callable[[torch.Tensor], torch.Tensor] = torch.sigmoid):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden, kernel_size=1)
        self.fc2 = nn.Conv2d(hidden, channels, kernel_size=1)
        self.sigma = gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = x.mean(dim=(2, 3), keepdim=True)
        return x * self.sigma(self.fc2(self.fc1(z).relu()))
