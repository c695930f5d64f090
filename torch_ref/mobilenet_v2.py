"""MobileNetV2-TSM (arXiv:1801.04381, table 2 and figure 4; arXiv:1811.08383)."""

from itertools import accumulate

import torch
from torch import nn

from paddle_tsm.networks.mobilenet_v2 import LAST_CHANNELS, STAGES, STEM_CHANNELS
from paddle_tsm.networks.network import Network
from torch_ref.batch_norm import BatchNorm
from torch_ref.recognizer import Recognizer
from torch_ref.residual import ShiftedResidual, conv

FIRST_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # the stride of each stage's first block, column "s" of table 2


class ConvNormReLU6(nn.Sequential):
    """A convolution, a BatchNorm and min(max(x, 0), 6)."""

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int, groups: int, running_var: str):
        norm = BatchNorm(out_channels, running_var=running_var)
        super().__init__(conv(channels, out_channels, kernel, stride, groups), norm, nn.ReLU6())


class InvertedResidual(ShiftedResidual):
    """The inverted residual block of MobileNetV2, in the terms of `ShiftedResidual`.

    F: a 1x1 convolution to t times the channels (none where t = 1), a depthwise 3x3 one, and a 1x1 one without an
    activation. S: x where the shape stays the same, else 0. a: the identity. A block shifts only if it has both a
    shortcut and an expansion (MIT ops/models.py 1f6a834 `_prepare_base_model`; mmaction2 mobilenet_v2_tsm.py 4d6c934).
    """

    def __init__(self, network: Network, stage: int, block: int, channels: int):
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

    def branch(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)

    def shortcut(self, x: torch.Tensor) -> torch.Tensor | int:
        return x if self.keeps_shape else 0

    def activation(self, x: torch.Tensor) -> torch.Tensor:
        return x


class MobileNetV2(Recognizer):
    """All layers but the classifier are one sequence, `features`, with torchvision's names."""

    def __init__(self, network: Network):
        super().__init__(network)
        self.features = nn.Sequential(ConvNormReLU6(network.in_channels, STEM_CHANNELS, 3, 2, 1, network.running_var))
        channels = STEM_CHANNELS
        for stage, (_, out_channels, count, _) in enumerate(STAGES, 1):
            inputs = [channels] + [out_channels] * (count - 1)
            self.features.extend(InvertedResidual(network, stage, i, width) for i, width in enumerate(inputs))
            channels = out_channels
        self.features.append(ConvNormReLU6(channels, LAST_CHANNELS, 1, 1, 1, network.running_var))
        self.classifier = nn.Sequential(self.dropout, nn.Linear(LAST_CHANNELS, network.num_classes))
        # The stages have mmaction2's names: "layer1" to "layer7" for the rows of table 2 that have blocks, and "conv2"
        # for the last convolution.
        names = [f"layer{stage}" for stage in range(1, len(STAGES) + 1)] + ["conv2"]
        ends = list(accumulate([count for _, _, count, _ in STAGES] + [1]))
        self.stage_ends |= {name: f"features.{end}" for name, end in zip(names, ends)}
        self.slices = {name: slice(start + 1, end + 1) for name, start, end in zip(names, [0, *ends], ends)}

    def stem(self, x: torch.Tensor) -> torch.Tensor:
        """The first convolution, [N*T, 3, H, W] -> [N*T, 32, H / 2, W / 2]."""
        return self.features[0](x)

    def stage(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self.features[self.slices[name]](x)

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return self.classifier[-1](features)
