"""PP-TSM on MobileNetV3-large (arXiv:1905.02244, table 1 and section 5.3; PaddleVideo pptsm_mv3.py ed245e9)."""

import torch
from torch import nn
from torch.nn import functional as F

from paddle_tsm.networks.inverted_residual import GATE_SLOPE
from paddle_tsm.networks.network import Network
from torch_ref.inverted_residual import ConvNorm, InvertedResidual
from torch_ref.recognizer import Recognizer
from torch_ref.squeeze_excitation import SqueezeExcitation

RE, HS = nn.ReLU, nn.Hardswish
# Table 1 of the paper, its rows of blocks: kernel, expansion size, output channels, squeeze-and-excite, non-linearity
# and stride. A row belongs to the same stage as the row before it where the output channels are the same.
TABLE = (
    (3, 16, 16, False, RE, 1),
    (3, 64, 24, False, RE, 2),
    (3, 72, 24, False, RE, 1),
    (5, 72, 40, True, RE, 2),
    (5, 120, 40, True, RE, 1),
    (5, 120, 40, True, RE, 1),
    (3, 240, 80, False, HS, 2),
    (3, 200, 80, False, HS, 1),
    (3, 184, 80, False, HS, 1),
    (3, 184, 80, False, HS, 1),
    (3, 480, 112, True, HS, 1),
    (3, 672, 112, True, HS, 1),
    (5, 672, 160, True, HS, 2),
    (5, 960, 160, True, HS, 1),
    (5, 960, 160, True, HS, 1),
)


def gate(x: torch.Tensor) -> torch.Tensor:
    """The hard sigmoid of PaddleVideo's network: min(max(0.2 x + 0.5, 0), 1), instead of the paper's relu6(x + 3) / 6.

    0.2 is the float32 nearest to it.
    """
    return (GATE_SLOPE * x + 0.5).clamp(0, 1)


class PPTSMMobileNetV3(Recognizer):
    """The layers of table 1. The 1x1 convolution behind the pool has no BatchNorm and no bias."""

    def __init__(self, network: Network):
        super().__init__(network)
        running_var, width = network.running_var, 16
        self.conv = ConvNorm(network.in_channels, width, 3, running_var, HS, stride=2)
        self.blocks = nn.ModuleList()
        self.rows: dict[str, list[int]] = {}
        stage, block = 0, 0
        for row, (kernel, hidden, out_channels, squeezes, activation, stride) in enumerate(TABLE):
            same = row > 0 and TABLE[row - 1][2] == out_channels
            stage, block = (stage, block + 1) if same else (stage + 1, 0)
            squeeze = SqueezeExcitation(hidden, hidden // 4, gate) if squeezes else None
            widths = width, hidden, out_channels
            self.blocks.append(InvertedResidual(network, stage, block, widths, kernel, stride, activation, squeeze))
            self.rows.setdefault(f"layer{stage}", []).append(row)
            width = out_channels
        self.head = ConvNorm(width, 960, 1, running_var, HS)
        self.widen = nn.Conv2d(960, 1280, kernel_size=1, bias=False)
        self.classifier = nn.Linear(1280, network.num_classes)
        self.stage_ends |= {name: f"blocks.{rows[-1]}" for name, rows in self.rows.items()} | {"head": "head"}

    def stem(self, x: torch.Tensor) -> torch.Tensor:
        """The first convolution halves height and width: [N*T, 3, H, W] -> [N*T, 16, h, w]"""
        return self.conv(x)

    def stage(self, name: str, x: torch.Tensor) -> torch.Tensor:
        if name == "head":
            return self.head(x)
        for row in self.rows[name]:
            x = self.blocks[row](x)
        return x

    def extract_features(self, x: torch.Tensor) -> torch.Tensor:
        """The features of each frame behind the last convolution. [N*T, 3, H, W] -> [N*T, 1280]"""
        means = super().extract_features(x)
        return F.hardswish(self.widen(means[..., None, None]))[..., 0, 0]

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return self.classifier(features)
