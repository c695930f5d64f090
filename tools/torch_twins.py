"""Networks of paddle.vision that torchvision does not have, or has otherwise, in PyTorch."""

from __future__ import annotations

import torch
from torch import nn


class LeNet(nn.Module):
    """LeCun et al. 1998 as paddle.vision has it: 3x3 and 5x5 convolutions, max pools, linear layers without activation.

    Input [N, 1, 28, 28].
    """

    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.fc = nn.Sequential(nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, num_classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.features(x).flatten(1))


class MobileNetV1(nn.Module):
    """Howard et al. 2017, table 1: depthwise 3x3 and pointwise 1x1 convolutions, each with BatchNorm and ReLU."""

    # out channels and stride of each pair of convolutions
    BLOCKS = (
        *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
        *[(512, 1)] * 5,
        *((1024, 2), (1024, 1)),
    )

    def __init__(self, num_classes: int = 1000):
        super().__init__()
        layers, channels = [conv(3, 32, 3, 2)], 32
        for out, stride in self.BLOCKS:
            layers += [conv(channels, channels, 3, stride, channels), conv(channels, out, 1)]
            channels = out
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.layers(x).mean((2, 3)))


def conv(in_channels: int, out_channels: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias, BatchNorm, ReLU."""
    layer = nn.Conv2d(in_channels, out_channels, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out_channels), nn.ReLU())


class PlainConvolution(nn.Module):
    """A convolution without bias, and nothing behind it: what paddle.vision's GoogLeNet has for torchvision's
    convolution, BatchNorm and ReLU.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class PlainInception(nn.Module):
    """The paper's block with its 5x5 convolution, as paddle.vision has it: one ReLU behind the concatenation.

    The arguments are those of torchvision's block: the input's channels, then each convolution's.
    """

    def __init__(self, in_channels: int, ch1: int, ch3_reduced: int, ch3: int, ch5_reduced: int, ch5: int, pooled: int):
        super().__init__()
        self.branch1 = PlainConvolution(in_channels, ch1, 1)
        self.branch2 = nn.Sequential(
            PlainConvolution(in_channels, ch3_reduced, 1), PlainConvolution(ch3_reduced, ch3, 3, padding=1)
        )
        self.branch3 = nn.Sequential(
            PlainConvolution(in_channels, ch5_reduced, 1), PlainConvolution(ch5_reduced, ch5, 5, padding=2)
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), PlainConvolution(in_channels, pooled, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1).relu()
