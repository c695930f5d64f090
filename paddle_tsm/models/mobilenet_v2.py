"""MobileNetV2 with the temporal shift (arXiv:1801.04381, table 2; arXiv:1811.08383).

Which layers there are, and their widths, is declared in `paddle_tsm.networks.mobilenet_v2`.
"""

from paddle import nn

from paddle_tsm.models.block import Block
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.convolution import conv
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.mobilenet_v2 import LAST_CHANNELS, STAGES, STEM_CHANNELS
from paddle_tsm.networks.network import Network


def conv_norm(in_channels: int, out_channels: int, kernel: int, stride: int, groups: int, running_var: str):
    """Convolution, BatchNorm, ReLU6."""
    return nn.Sequential(
        conv(in_channels, out_channels, kernel, stride, groups),
        BatchNorm(out_channels, running_var=running_var),
        nn.ReLU6(),
    )


class InvertedResidual(Block):
    """Expand by 1x1 (unless `expand` is 1), 3x3 in each channel, project by 1x1; a shortcut where the shape allows."""

    def __init__(
        self, network: Network, stage: int, block: int, in_channels: int, out_channels: int, stride: int, expand: int
    ):
        super().__init__(network, stage, block, has_shortcut=stride == 1 and in_channels == out_channels)
        hidden, running_var = in_channels * expand, network.running_var
        layers = [conv_norm(in_channels, hidden, 1, 1, 1, running_var)] if expand != 1 else []
        layers += [
            conv_norm(hidden, hidden, 3, stride, hidden, running_var),
            conv(hidden, out_channels, 1),
            BatchNorm(out_channels, running_var=running_var),
        ]
        self.conv = nn.Sequential(*layers)
        self.add_non_local(network, stage, block)

    def branch(self, x):
        return self.conv(x)


class MobileNetV2(Recognizer):
    """MobileNetV2-TSM."""

    # mmaction2's names of the stages, and torchvision's of the block that each ends with
    stage_ends = {f"layer{i}": f"features.{end}" for i, end in enumerate((1, 3, 6, 10, 13, 16, 17), 1)} | {
        "conv2": "features.18"
    }

    def __init__(self, network: Network):
        super().__init__(network)
        layers = [conv_norm(3, STEM_CHANNELS, 3, 2, 1, network.running_var)]
        in_channels = STEM_CHANNELS
        for stage, (expand, channels, count, first_stride) in enumerate(STAGES, 1):
            for block in range(count):
                stride = first_stride if block == 0 else 1
                layers.append(InvertedResidual(network, stage, block, in_channels, channels, stride, expand))
                in_channels = channels
        layers.append(conv_norm(in_channels, LAST_CHANNELS, 1, 1, 1, network.running_var))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(self.dropout, self.new_classifier(network))

    def stem(self, x):
        """[N*T, 3, H, W] -> [N*T, 32, H / 2, W / 2]"""
        return self.features[0](x)

    def blocks_of_stages(self):
        ends = [0] + [int(end.split(".")[1]) for end in self.stage_ends.values()]
        return {
            name: [self.features[i] for i in range(a + 1, b + 1)] for name, a, b in zip(self.stage_ends, ends, ends[1:])
        }

    def classifier_layer(self):
        return self.classifier[1]
