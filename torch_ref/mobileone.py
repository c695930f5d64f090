"""MobileOne-TSM (Vasu et al., arXiv:2206.04040; arXiv:1811.08383).

Stage 0 is one block. A unit of the other stages is two blocks: a depthwise 3x3 convolution, of stride 2 in the first
unit of a stage, and a 1x1 convolution (figure 3). Every block is shifted as a whole
(mmaction2 backbones/mobileone_tsm.py 4d6c934).
"""

import torch
from torch import nn

from paddle_tsm.networks.network import Network
from torch_ref.parallel_convolution import ParallelConvolution
from torch_ref.recognizer import Recognizer
from torch_ref.residual import TemporalShift
from torch_ref.squeeze_excitation import SqueezeExcitation

UNITS = {1: 2, 2: 8, 3: 10, 4: 1}  # table 2: the blocks of stages 2 to 5 there; the last two stages share a resolution
# Table 3: the width multipliers of these stages, and "overparam", the branches with the full kernel.
BASE_WIDTHS = (64, 128, 256, 512)
MULTIPLIERS = {
    "s0": (0.75, 1.0, 1.0, 2.0),
    "s1": (1.5, 1.5, 2.0, 2.5),
    "s2": (1.5, 2.0, 2.5, 4.0),
    "s3": (2.0, 2.5, 3.0, 4.0),
    "s4": (3.0, 3.5, 3.5, 4.0),
}
CONVOLUTIONS = {"s0": 4}
SE_UNITS = {"s4": {3: 5, 4: 1}}  # how many units of a stage, its last ones, have squeeze and excitation
REDUCTION = 16


class MobileOneBlock(ParallelConvolution):
    """y = relu(se(sum of the branches of s(x))), where s is the shift; without squeeze and excitation se is the
    identity. [N*T, C, H, W] -> [N*T, C', H / stride, W / stride]
    """

    def __init__(
        self,
        network: Network,
        place: tuple[int, int],
        channels: tuple[int, int],
        kernels: list[int],
        stride: int = 1,
        groups: int = 1,
        has_se: bool = False,
    ):
        """place: the stage, counted from 0, and the block in it. channels: those of input and output."""
        stage, number = place
        super().__init__(
            *channels,
            kernels,
            stride,
            groups,
            identity=stride == 1 and channels[0] == channels[1],
            form="fused" if network.fused else "branches",
            running_var=network.running_var,
        )
        shifts = network.is_shift and number % network.every == 0
        self.shift = TemporalShift(network, stage + 1) if shifts else nn.Identity()
        self.se = SqueezeExcitation(channels[1], channels[1] // REDUCTION) if has_se else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.se(super().forward(self.shift(x))).relu()


def units(network: Network, size: str, stage: int, channels: int, width: int) -> nn.Sequential:
    """The blocks of a stage behind stage 0, two a unit. channels: those of the stage's input. width: of its output."""
    count, k = UNITS[stage], CONVOLUTIONS.get(size, 1)
    without_se = count - SE_UNITS.get(size, {}).get(stage, 0)
    blocks = nn.Sequential()
    for unit in range(count):
        stride, has_se = 1 if unit else 2, unit >= without_se
        depthwise = MobileOneBlock(
            network, (stage, 2 * unit), (channels, channels), [1] + [3] * k, stride, channels, has_se
        )
        pointwise = MobileOneBlock(network, (stage, 2 * unit + 1), (channels, width), [1] * k, has_se=has_se)
        blocks.extend([depthwise, pointwise])
        channels = width
    return blocks


class MobileOne(Recognizer):
    """The stages have mmaction2's names, "stage0" to "stage4". There is no stem in front of them."""

    def __init__(self, network: Network):
        super().__init__(network)
        size = network.arch.rpartition("_")[-1]
        widths = [int(base * factor) for base, factor in zip(BASE_WIDTHS, MULTIPLIERS[size])]
        channels = min(64, widths[0])
        first = MobileOneBlock(network, (0, 0), (network.in_channels, channels), [1, 3], stride=2)
        stages = {"stage0": nn.Sequential(first)}
        for stage, width in enumerate(widths, 1):
            stages[f"stage{stage}"] = units(network, size, stage, channels, width)
            channels = width
        for name, blocks in stages.items():
            self.add_module(name, blocks)
            self.stage_ends[name] = f"{name}.{len(blocks) - 1}"
        self.fc = nn.Linear(channels, network.num_classes)

    def stem(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def stage(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(name)(x)

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return self.fc(features)
