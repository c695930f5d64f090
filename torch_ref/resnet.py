"""ResNet-TSM (arXiv:1512.03385, table 1; arXiv:1811.08383) and PP-TSM on ResNet-vd (arXiv:1812.01187, section 4.2)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from paddle_tsm.networks.network import Network
from paddle_tsm.networks.resnet import STAGE_WIDTHS, is_bottleneck
from torch_ref.batch_norm import BatchNorm
from torch_ref.recognizer import Recognizer
from torch_ref.residual import ConvNorms, ShiftedResidual, conv


class ResNetBlock(ShiftedResidual, ConvNorms):
    """The block of ResNet (arXiv:1512.03385, figure 5), in the terms of `ShiftedResidual`.

    F: two 3x3 convolutions; in a bottleneck a 1x1, a 3x3, and a 1x1 one to four times the width. The first 3x3
    convolution has the stride, or with `caffe_style` the first of all. S: a 1x1 convolution where the shape changes,
    else x. a: ReLU.
    """

    activation: Callable[..., torch.Tensor] = staticmethod(F.relu)

    def __init__(self, network: Network, stage: int, block: int, channels: int):
        super().__init__(network, stage, block)
        width, stride = STAGE_WIDTHS[stage - 1], 2 if stage > 1 and block == 0 else 1
        names: str
        widths: tuple[int, ...]
        kernels: tuple[int, ...]
        strides: tuple[int, ...]
        if not is_bottleneck(network.depth):
            names, widths, kernels, strides = "12", (channels, width, width), (3, 3), (stride, 1)
        else:
            names, widths, kernels = "123", (channels, width, width, 4 * width), (1, 3, 1)
            strides = (stride, 1, 1) if network.caffe_style else (1, stride, 1)
        self.add_chain(names, widths, kernels, strides, network.running_var)
        self.downsample = nn.Identity()
        if stride > 1 or channels != widths[-1]:
            self.downsample = self.projection(channels, widths[-1], stride, network.running_var)
        self.add_non_local(network, stage, block, widths[-1])

    @staticmethod
    def projection(channels: int, out_channels: int, stride: int, running_var: str) -> nn.Module:
        """W_s of arXiv:1512.03385, equation 2."""
        return nn.Sequential(conv(channels, out_channels, 1, stride), BatchNorm(out_channels, running_var=running_var))

    def branch(self, x: torch.Tensor) -> torch.Tensor:
        return self.run_chain(x)

    def shortcut(self, x: torch.Tensor) -> torch.Tensor:
        return self.downsample(x)


class ResNet(Recognizer, ConvNorms):
    """A stem of a 7x7 convolution and a 3x3 max pool, four stages of blocks, and the classifier `fc`."""

    activation: Callable[..., torch.Tensor] = staticmethod(F.relu)
    block = ResNetBlock
    # names, output channels, kernels and strides, as for `add_chain`
    stem_convolutions: tuple[Any, Any, Any, Any] = ("1",), (64,), (7,), (2,)

    def __init__(self, network: Network):
        super().__init__(network)
        names, widths, kernels, strides = self.stem_convolutions
        self.add_chain(names, (network.in_channels, *widths), kernels, strides, network.running_var)
        channels = widths[-1]
        for stage, (depth, width) in enumerate(zip(network.blocks, STAGE_WIDTHS), 1):
            out_channels = width * (4 if is_bottleneck(network.depth) else 1)
            inputs = [channels] + [out_channels] * (depth - 1)
            blocks = [self.block(network, stage, i, channels) for i, channels in enumerate(inputs)]
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
            self.stage_ends[f"layer{stage}"] = f"layer{stage}.{depth - 1}"
            channels = out_channels
        self.fc = nn.Linear(channels, network.num_classes)

    def stem(self, x: torch.Tensor) -> torch.Tensor:
        """[N*T, 3, H, W] -> [N*T, 64, H / 4, W / 4]"""
        return F.max_pool2d(self.activation(self.run_chain(x)), 3, stride=2, padding=1)

    def stage(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(name)(x)

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return self.fc(features)


class PooledProjection(nn.Sequential):
    """Layers behind a 2x2 average pool.

    A 1x1 convolution of stride 2 would see only one position of every four.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(F.avg_pool2d(x, 2, ceil_mode=True))


class ResNetVdBlock(ResNetBlock):
    """ResNet-D's block (arXiv:1812.01187, figure 2c) with a leaky ReLU of slope 0.01.

    Source of the slope and the order of the layers: PaddleVideo resnet_tweaks_tsm.py ed245e9.
    """

    activation = staticmethod(F.leaky_relu)

    @staticmethod
    def projection(channels: int, out_channels: int, stride: int, running_var: str) -> nn.Module:
        layers = conv(channels, out_channels, 1), BatchNorm(out_channels, running_var=running_var)
        return nn.Sequential(*layers) if stride == 1 else PooledProjection(*layers)


class ResNetVd(ResNet):
    """ResNet-C's stem of three 3x3 convolutions (arXiv:1812.01187, figure 2b), and the blocks of ResNet-D."""

    activation = staticmethod(F.leaky_relu)
    block = ResNetVdBlock
    stem_convolutions = ("1_1", "1_2", "1_3"), (32, 32, 64), (3, 3, 3), (2, 1, 1)
