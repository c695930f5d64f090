"""MobileNetV2-TSM (arXiv:1801.04381, table 2 and figure 4; arXiv:1811.08383)."""

from itertools import accumulate

from torch import nn

from paddle_tsm.networks.mobilenet_v2 import LAST_CHANNELS, STAGES, STEM_CHANNELS
from torch_ref.batch_norm import BatchNorm
from torch_ref.recognizer import Recognizer
from torch_ref.residual import ShiftedResidual, conv

FIRST_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of each stage's first block: the column "s" of table 2


class ConvNormReLU6(nn.Sequential):
    """A convolution, BatchNorm and min(max(x, 0), 6)."""

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int, groups: int, running_var: str):
        norm = BatchNorm(out_channels, running_var=running_var)
        super().__init__(conv(channels, out_channels, kernel, stride, groups), norm, nn.ReLU6())


class InvertedResidual(ShiftedResidual):
    """F: a 1x1 convolution to t times the channels (none where t = 1), 3x3 in each channel, 1x1 without an activation.

    a is the identity. S is x where the shape stays, and 0 where it changes. The shift needs both a shortcut and an
    expansion (MIT ops/models.py 1f6a834 `_prepare_base_model`; mmaction2 mobilenet_v2_tsm.py 4d6c934).
    """

    def __init__(self, network, stage: int, block: int, channels: int):
        expansion, out_channels, _, _ = STAGES[stage - 1]
        stride = FIRST_STRIDES[stage - 1] if block == 0 else 1
        keeps_shape = stride == 1 and channels == out_channels
        super().__init__(network, stage, block, can_shift=keeps_shape and expansion > 1)
        self.keeps_shape, hidden, running_var = keeps_shape, channels * expansion, network.running_var
        self.conv = nn.Sequential()
        if expansion > 1:
            self.conv.append(ConvNormReLU6(channels, hidden, 1, 1, 1, running_var))
        self.conv.append(ConvNormReLU6(hidden, hidden, 3, stride, hidden, running_var))
        self.conv.extend([conv(hidden, out_channels, 1), BatchNorm(out_channels, running_var=running_var)])
        self.add_non_local(network, stage, block, out_channels)

    def branch(self, x):
        return self.conv(x)

    def shortcut(self, x):
        return x if self.keeps_shape else 0

    def activation(self, x):
        return x


class MobileNetV2(Recognizer):
    """Everything but the classifier in one sequence, `features`, with torchvision's names."""

    def __init__(self, network):
        super().__init__(network)
        self.features = nn.Sequential(ConvNormReLU6(3, STEM_CHANNELS, 3, 2, 1, network.running_var))
        channels = STEM_CHANNELS
        for stage, (_, out_channels, count, _) in enumerate(STAGES, 1):
            inputs = [channels] + [out_channels] * (count - 1)
            self.features.extend(InvertedResidual(network, stage, i, width) for i, width in enumerate(inputs))
            channels = out_channels
        self.features.append(ConvNormReLU6(channels, LAST_CHANNELS, 1, 1, 1, network.running_var))
        self.classifier = nn.Sequential(self.dropout, nn.Linear(LAST_CHANNELS, network.num_classes))
        # mmaction2's names: a "layer" for each row of table 2 that has blocks, and "conv2" for the last convolution
        names = [f"layer{stage}" for stage in range(1, len(STAGES) + 1)] + ["conv2"]
        ends = list(accumulate([count for _, _, count, _ in STAGES] + [1]))
        self.stage_ends |= {name: f"features.{end}" for name, end in zip(names, ends)}
        self.slices = {name: slice(start + 1, end + 1) for name, start, end in zip(names, [0, *ends], ends)}

    def stem(self, x):
        """x: [N*T, 3, H, W]. Half the height and width, 32 channels."""
        return self.features[0](x)

    def stage(self, name: str, x):
        return self.features[self.slices[name]](x)

    def classify(self, features):
        return self.classifier[-1](features)
