"""PP-TSM on MobileNetV2 (PaddleVideo backbones/pptsm_mv2.py ed245e9).

`paddle_tsm.networks.pptsm_mobilenet_v2` declares which layers there are, and their widths.
"""

from __future__ import annotations

from itertools import groupby

import paddle
from paddle import nn

from paddle_tsm.models.inverted_residual import ConvNorm, InvertedResidual
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.mobilenet_v2 import LAST_CHANNELS, LAST_STREAM, STAGES, STEM_CHANNELS
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.pptsm_mobilenet_v2 import block_name, blocks


class PPTSMMobileNetV2(Recognizer):
    """PP-TSM on MobileNetV2. The stages have PaddleVideo's names."""

    stage_ends = {f"conv{stage + 1}": block_name(stage, row[2] - 1) for stage, row in enumerate(STAGES, 1)} | {
        "conv9": "conv9"
    }

    def __init__(self, network: Network):
        super().__init__(network)
        self.first = ConvNorm(network.in_channels, STEM_CHANNELS, 3, network.running_var, "relu6", stride=2)
        for stage, members in groupby(blocks(), lambda block: block.stage):
            built = [InvertedResidual(network, member) for member in members]
            setattr(self, f"conv{stage + 1}", nn.Sequential(*built))
        self.conv9 = ConvNorm(LAST_STREAM, LAST_CHANNELS, 1, network.running_var, "relu6")
        self.out = self.new_classifier(network)

    def stem(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N*T, 3, H, W] -> [N*T, 32, H / 2, W / 2]"""
        return self.first(x)

    def blocks_of_stages(self) -> dict[str, list[nn.Layer]]:
        *stages, last = self.stage_ends
        return {name: list(getattr(self, name)) for name in stages} | {last: [self.conv9]}

    def classifier_layer(self) -> nn.Linear:
        return self.out
