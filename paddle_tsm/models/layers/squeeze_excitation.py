"""Squeeze and excitation (arXiv:1709.01507, section 3): a weight for each channel, from the channels' means."""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.layers.convolution import conv


class SqueezeExcitation(nn.Layer):
    """y = x * gate(fc2(relu(fc1(mean of x over height and width)))). x: [N, C, H, W]; returns the same shape.

    fc1 and fc2 are 1x1 convolutions with a bias, from C channels to `hidden` and back. The names are torchvision's
    (ops/misc.py).
    """

    def __init__(self, channels: int, hidden: int, gate: Callable[[paddle.Tensor], paddle.Tensor]):
        super().__init__()
        self.fc1 = conv(channels, hidden, 1, bias=True)
        self.fc2 = conv(hidden, channels, 1, bias=True)
        self.gate = gate

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        means = F.adaptive_avg_pool2d(x, 1)  # [N, C, 1, 1]
        return x * self.gate(self.fc2(F.relu(self.fc1(means))))
