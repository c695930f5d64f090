"""MobileNetV2 with the temporal shift (arXiv:1801.04381, table 2; arXiv:1811.08383).

`paddle_tsm.networks.mobilenet_v2` declares which layers there are, and their widths.
"""

from __future__ import annotations

import paddle
from paddle import nn

from paddle_tsm.models.block import Block
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.conv_norm import ConvNorm, conv_norm
from paddle_tsm.models.layers.convolution import conv
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.mobilenet_v2 import LAST_CHANNELS, STAGES, STEM_CHANNELS
from paddle_tsm.networks.network import Network


def conv_norm_relu6(
    in_channels: int, out_channels: int, kernel: int, stride: int, groups: int, running_var: str
) -> ConvNorm:
    """A convolution, a BatchNorm and ReLU6. [N, in_channels, H, W] -> [N, out_channels, H / stride, W / stride]"""
    return ConvNorm(
        conv(in_channels, out_channels, kernel, stride, groups),
        BatchNorm(out_channels, running_var=running_var),
        nn.ReLU6(),
    )


class InvertedResidual(Block):
    """A 1x1 convolution to `expand` times the channels, a 3x3 convolution of each channel, and a 1x1 projection.

    Where `expand` is 1 the first convolution is left out. There is a shortcut where input and output have one shape.
    """

    def __init__(
        self, network: Network, stage: int, block: int, in_channels: int, out_channels: int, stride: int, expand: int
    ):
        super().__init__(network, stage, block, has_shortcut=stride == 1 and in_channels == out_channels)
        hidden, running_var = in_channels * expand, network.running_var
        layers = [conv_norm_relu6(in_channels, hidden, 1, 1, 1, running_var)] if expand != 1 else []
        layers += [
            conv_norm_relu6(hidden, hidden, 3, stride, hidden, running_var),
            conv(hidden, out_channels, 1),
            BatchNorm(out_channels, running_var=running_var),
        ]
        self.conv = nn.Sequential(*layers)
        self.add_non_local(network, stage, block)

    def branch(self, x: paddle.Tensor, added: paddle.Tensor | None) -> paddle.Tensor:
        *first, conv, norm = self.conv
        for layer in first:
            x = layer(x)
        return conv_norm(conv, norm, x, added=added)


class MobileNetV2(Recognizer):
    """MobileNetV2-TSM."""

    # mmaction2's names of the stages, and torchvision's names of the blocks that they end with
    stage_ends = {f"layer{i}": f"features.{end}" for i, end in enumerate((1, 3, 6, 10, 13, 16, 17), 1)} | {
        "conv2": "features.18"
    }

    def __init__(self, network: Network):
        super().__init__(network)
        layers = [conv_norm_relu6(network.in_channels, STEM_CHANNELS, 3, 2, 1, network.running_var)]
        in_channels = STEM_CHANNELS
        for stage, (expand, channels, count, first_stride) in enumerate(STAGES, 1):
            for block in range(count):
                stride = first_stride if block == 0 else 1
                layers.append(InvertedResidual(network, stage, block, in_channels, channels, stride, expand))
                in_channels = channels
        layers.append(conv_norm_relu6(in_channels, LAST_CHANNELS, 1, 1, 1, network.running_var))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(self.dropout, self.new_classifier(network))

    def stem(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N*T, 3, H, W] -> [N*T, 32, H / 2, W / 2]"""
        return self.features[0](x)

    def blocks_of_stages(self) -> dict[str, list[Block]]:
        ends = [0] + [int(end.split(".")[1]) for end in self.stage_ends.values()]
        return {
            name: [self.features[i] for i in range(start + 1, end + 1)]
            for name, start, end in zip(self.stage_ends, ends, ends[1:])
        }

    def classifier_layer(self) -> nn.Linear:
        return self.classifier[1]
