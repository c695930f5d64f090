"""PP-TSM on MobileNetV3-large (PaddleVideo backbones/pptsm_mv3.py ed245e9).

`paddle_tsm.networks.pptsm_mobilenet_v3` declares which layers there are, and their widths.
"""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.inverted_residual import ConvNorm, InvertedResidual
from paddle_tsm.models.layers.convolution import conv
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.pptsm_mobilenet_v3 import (
    ACTIVATION,
    HEAD_CHANNELS,
    LAST_CHANNELS,
    STAGES,
    STEM_CHANNELS,
    block_name,
    blocks,
)


class PPTSMMobileNetV3(Recognizer):
    """PP-TSM on MobileNetV3. The last stage, "head", is a convolution."""

    stage_ends = {f"layer{stage}": block_name(stage, len(row[-1]) - 1) for stage, row in enumerate(STAGES, 1)} | {
        "head": "head"
    }

    def __init__(self, network: Network):
        super().__init__(network)
        running_var = network.running_var
        self.conv = ConvNorm(network.in_channels, STEM_CHANNELS, 3, running_var, ACTIVATION, stride=2)
        self.stage_of_block = [block.stage for block in blocks()]
        self.blocks = nn.LayerList(InvertedResidual(network, block) for block in blocks())
        self.head = ConvNorm(STAGES[-1][0], HEAD_CHANNELS, 1, running_var, ACTIVATION)
        self.widen = conv(HEAD_CHANNELS, LAST_CHANNELS, 1)
        self.classifier = self.new_classifier(network)

    def stem(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N*T, 3, H, W] -> [N*T, 16, H / 2, W / 2]"""
        return self.conv(x)

    def blocks_of_stages(self) -> dict[str, list[nn.Layer]]:
        stages: dict[str, list[nn.Layer]] = {name: [] for name in self.stage_ends}
        for stage, block in zip(self.stage_of_block, self.blocks):
            stages[f"layer{stage}"].append(block)
        return stages | {"head": [self.head]}

    def extract_features(self, x: paddle.Tensor) -> paddle.Tensor:
        """x: [N*T, 3, H, W]. Returns the pooled features of each frame behind the last convolution, [N*T, 1280]."""
        pooled = super().extract_features(x)  # [N*T, 960]
        return F.hardswish(self.widen(pooled.unsqueeze([2, 3])).flatten(1))

    def classifier_layer(self) -> nn.Linear:
        return self.classifier
