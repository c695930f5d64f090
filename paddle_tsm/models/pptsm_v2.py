"""PP-TSMv2 (PaddleVideo pptsm_v2.py ed245e9): PP-LCNetV2 with one shift and, in front of it, a weight for each frame.

`paddle_tsm.networks.pptsm_v2` declares which layers there are, and their widths.
"""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.block import Block
from paddle_tsm.models.layers.activation import activated, activated_sum
from paddle_tsm.models.layers.convolution import conv
from paddle_tsm.models.layers.parallel_convolution import ConvNorm, ParallelConvolution
from paddle_tsm.models.layers.squeeze_excitation import SqueezeExcitation
from paddle_tsm.models.layers.temporal_attention import TemporalAttention
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks import layers
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.pptsm_v2 import (
    LAST_CHANNELS,
    PROJECTED,
    SQUEEZED,
    STAGES,
    STEM_CHANNELS,
    blocks_and_inputs,
    depthwise,
    has_shortcut,
    kernels,
    shifts,
)


class SeparableBlock(Block):
    """A depthwise convolution and one 1x1 convolution; in the third stage, squeeze and excitation and two of them.

    ReLU follows each convolution. Where there is a shortcut, it is added behind the last ReLU. In front of the shift
    stands `attention`, where the network has it and the block shifts.
    """

    def __init__(self, network: Network, stage: int, block: int, in_channels: int):
        super().__init__(network, stage, block, has_shortcut=has_shortcut(stage, block))
        out_channels, running_var = STAGES[stage - 1][0], network.running_var
        self.attention = None
        if network.temporal_attention and shifts(stage, block):
            self.attention = TemporalAttention(network.num_segments)
        self.dw = depthwise_layer(network, stage, block, in_channels)
        self.se = None
        if stage == 3:
            self.se = SqueezeExcitation(in_channels, in_channels // SQUEEZED, F.sigmoid)
            self.pw1 = ConvNorm(in_channels, PROJECTED, 1, 1, 1, running_var)
            self.pw2 = ConvNorm(PROJECTED, out_channels, 1, 1, 1, running_var)
        else:
            self.pw = ConvNorm(in_channels, out_channels, 1, 1, 1, running_var)
        self.add_non_local(network, stage, block)

    def branch(self, x: paddle.Tensor, added: paddle.Tensor | None) -> paddle.Tensor:
        y = activated(self.dw(x), F.relu)
        if self.se is None:
            y = self.pw(y, F.relu)
        else:
            y = self.pw2(self.pw1(self.se(y), F.relu), F.relu)
        return y if added is None else activated_sum(y, added, None)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N*T, C, H, W] -> [N*T, C', H / stride, W / stride]"""
        return super().forward(x if self.attention is None else self.attention(x))


def depthwise_layer(network: Network, stage: int, block: int, channels: int) -> ConvNorm | ParallelConvolution:
    """The depthwise convolution of a block, without the activation."""
    if len(kernels(stage, block)) > 1:
        declared = depthwise(network.with_options(fused=False), stage, block, channels)
        assert isinstance(declared, layers.ParallelConvolution)
        return ParallelConvolution(declared, network.running_var, network.fused)
    (kernel,), stride = kernels(stage, block), 2 if block == 0 else 1
    return ConvNorm(channels, channels, kernel, stride, channels, network.running_var)


class Separable(nn.Layer):
    """The end of the stem: a depthwise 3x3 convolution and a 1x1 one. [N*T, C, H, W] -> [N*T, C', H, W]"""

    def __init__(self, in_channels: int, out_channels: int, running_var: str):
        super().__init__()
        self.dw = ConvNorm(in_channels, in_channels, 3, 1, in_channels, running_var)
        self.pw = ConvNorm(in_channels, out_channels, 1, 1, 1, running_var)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.pw(self.dw(x, F.relu), F.relu)


class PPTSMv2(Recognizer):
    """PP-TSMv2. Its features are those behind the last convolution, which sees each frame's mean."""

    stage_ends = {f"layer{stage}": f"stage{stage}.{count - 1}" for stage, (_, count, _) in enumerate(STAGES, 1)}

    def __init__(self, network: Network):
        super().__init__(network)
        narrow, wide = STEM_CHANNELS
        self.stem1 = ConvNorm(network.in_channels, narrow, 3, 2, 1, network.running_var)
        self.stem2 = Separable(narrow, wide, network.running_var)
        blocks: dict[int, list[SeparableBlock]] = {}
        for stage, block, in_channels in blocks_and_inputs():
            blocks.setdefault(stage, []).append(SeparableBlock(network, stage, block, in_channels))
        for stage, members in blocks.items():
            setattr(self, f"stage{stage}", nn.LayerList(members))
        self.last_conv = conv(STAGES[-1][0], LAST_CHANNELS, 1)
        self.fc = self.new_classifier(network)

    def stem(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N*T, 3, H, W] -> [N*T, 64, H / 2, W / 2]"""
        return self.stem2(self.stem1(x, F.relu))

    def blocks_of_stages(self) -> dict[str, list[Block]]:
        return {f"layer{stage}": list(getattr(self, f"stage{stage}")) for stage in range(1, len(STAGES) + 1)}

    def extract_features(self, x: paddle.Tensor) -> paddle.Tensor:
        """x: [N*T, 3, H, W]. Returns the features of each frame, [N*T, 1280]."""
        *_, last = self.stages(x).values()
        return F.relu(self.last_conv(F.adaptive_avg_pool2d(last, 1))).flatten(1)

    def classifier_layer(self) -> nn.Linear:
        return self.fc
