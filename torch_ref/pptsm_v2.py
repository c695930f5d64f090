"""PP-TSMv2 (PaddleVideo docs pp-tsm_v2.md ed245e9): PP-LCNetV2 (arXiv:2109.15099 and PaddleClas) with TSM in it.

There is one shift, between the second and the third stage, and a weight for every frame in front of it.
"""

import torch
from torch import nn

from paddle_tsm.networks.network import Network
from paddle_tsm.networks.pptsm_v2 import LAST_CHANNELS, PROJECTED, SQUEEZED, STAGES, STEM_CHANNELS
from torch_ref.batch_norm import BatchNorm
from torch_ref.parallel_convolution import ParallelConvolution
from torch_ref.recognizer import Recognizer
from torch_ref.residual import TemporalShift, conv
from torch_ref.squeeze_excitation import SqueezeExcitation
from torch_ref.temporal_attention import FrameWeights


class ConvNorm(nn.Sequential):
    """A convolution ("conv") and its BatchNorm ("bn")."""

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int, groups: int, running_var: str):
        super().__init__()
        self.add_module("conv", conv(channels, out_channels, kernel, stride, groups))
        self.add_module("bn", BatchNorm(out_channels, running_var=running_var))


class Separable(nn.Module):
    """A depthwise 3x3 convolution and a 1x1 one, with ReLU behind each: the stem's end, and the first two stages."""

    def __init__(self, channels: int, out_channels: int, stride: int, running_var: str):
        super().__init__()
        self.dw = ConvNorm(channels, channels, 3, stride, channels, running_var)
        self.pw = ConvNorm(channels, out_channels, 1, 1, 1, running_var)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pw(self.dw(x).relu()).relu()


class ReparameterisedUnit(nn.Module):
    """A unit of the third or of the fourth stage, whose depthwise convolution is the sum of several.

    The third stage excites its channels and narrows them to PROJECTED in between. The shift, and the frames' weights,
    stand in front of its first unit. The fourth stage's last unit is residual: it adds its input behind the last ReLU.
    """

    def __init__(self, network: Network, stage: int, unit: int, channels: int, out_channels: int):
        super().__init__()
        variance = network.running_var
        self.residual = (stage, unit) == (4, 1)
        self.attention: nn.Module = nn.Identity()
        self.shift: nn.Module = nn.Identity()
        if (stage, unit) == (3, 0):
            if network.temporal_attention:
                self.attention = FrameWeights(network.num_segments)
            if network.is_shift:
                self.shift = TemporalShift(network, stage)
        stride, sizes = (2, (5, 3)) if unit == 0 else (1, (5, 3, 1))
        form = "fused" if network.fused else "both"
        self.dw = ParallelConvolution(
            channels, channels, sizes, stride, groups=channels, form=form, running_var=variance
        )
        if stage == 3:
            self.se: nn.Module = SqueezeExcitation(channels, channels // SQUEEZED)
            self.pw1 = ConvNorm(channels, PROJECTED, 1, 1, 1, variance)
            self.pw2 = ConvNorm(PROJECTED, out_channels, 1, 1, 1, variance)
            self.pointwise = [self.pw1, self.pw2]
        else:
            self.se = nn.Identity()
            self.pw = ConvNorm(channels, out_channels, 1, 1, 1, variance)
            self.pointwise = [self.pw]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.se(self.dw(self.shift(self.attention(x))).relu())
        for convolution in self.pointwise:
            y = convolution(y).relu()
        return x + y if self.residual else y


class PPTSMv2(Recognizer):
    """A stem of stride 2, four stages, and a 1x1 convolution of each frame's mean in front of the classifier."""

    def __init__(self, network: Network):
        super().__init__(network)
        variance = network.running_var
        narrow, channels = STEM_CHANNELS
        self.stem1 = ConvNorm(network.in_channels, narrow, 3, 2, 1, variance)
        self.stem2 = Separable(narrow, channels, 1, variance)
        for stage, (width, count, kernel) in enumerate(STAGES, 1):
            units: list[nn.Module] = []
            for unit, inputs in enumerate([channels] + [width] * (count - 1)):
                if kernel == 3:
                    units.append(Separable(inputs, width, 2 if unit == 0 else 1, variance))
                else:
                    units.append(ReparameterisedUnit(network, stage, unit, inputs, width))
            self.add_module(f"stage{stage}", nn.Sequential(*units))
            self.stage_ends[f"layer{stage}"] = f"stage{stage}.{count - 1}"
            channels = width
        self.last_conv = conv(channels, LAST_CHANNELS, 1)
        self.fc = nn.Linear(LAST_CHANNELS, network.num_classes)

    def stem(self, x: torch.Tensor) -> torch.Tensor:
        """[N*T, 3, H, W] -> [N*T, 64, H / 2, W / 2]"""
        return self.stem2(self.stem1(x).relu())

    def stage(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(self.stage_ends[name].partition(".")[0])(x)

    def extract_features(self, x: torch.Tensor) -> torch.Tensor:
        """The last convolution of each frame's mean, rectified. [N*T, 3, H, W] -> [N*T, 1280]"""
        last = list(self.stages(x).values())[-1]
        return self.last_conv(last.mean(dim=(2, 3), keepdim=True)).relu().flatten(1)

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return self.fc(features)
