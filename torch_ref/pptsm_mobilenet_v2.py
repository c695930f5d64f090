"""PP-TSM on MobileNetV2 (arXiv:1801.04381, table 2; arXiv:1811.08383; PaddleVideo backbones/pptsm_mv2.py ed245e9)."""

import torch
from torch import nn

from paddle_tsm.networks.network import Network
from torch_ref.inverted_residual import ConvNorm, InvertedResidual
from torch_ref.recognizer import Recognizer

# Table 2 of the paper, its rows of blocks: expansion t, channels c, repetitions n, stride s of the first one.
ROWS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class PPTSMMobileNetV2(Recognizer):
    """The layers of table 2. The first row of blocks has a 1x1 convolution in front, too, from 32 to 32 channels."""

    def __init__(self, network: Network):
        super().__init__(network)
        self.first = ConvNorm(network.in_channels, 32, 3, network.running_var, nn.ReLU6, stride=2)
        channels = 32
        for row, (t, c, n, s) in enumerate(ROWS, 1):
            blocks = nn.Sequential()
            for block in range(n):
                widths = channels, t * channels, c
                stride = s if block == 0 else 1
                blocks.append(InvertedResidual(network, row, block, widths, 3, stride, nn.ReLU6))
                channels = c
            self.add_module(f"conv{row + 1}", blocks)
            self.stage_ends[f"conv{row + 1}"] = f"conv{row + 1}.{n - 1}"
        self.conv9 = ConvNorm(channels, 1280, 1, network.running_var, nn.ReLU6)
        self.stage_ends["conv9"] = "conv9"
        self.out = nn.Linear(1280, network.num_classes)

    def stem(self, x: torch.Tensor) -> torch.Tensor:
        """The first convolution halves height and width: [N*T, 3, H, W] -> [N*T, 32, h, w]"""
        return self.first(x)

    def stage(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(name)(x)

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return self.out(features)
