"""ResNet and ResNet-vd with the temporal shift inside their blocks (arXiv:1512.03385; arXiv:1811.08383, section 3.2).

`paddle_tsm.networks.resnet` declares which layers there are, and their widths.
"""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.block import Block
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.conv_norm import ConvNorm, conv_norm
from paddle_tsm.models.layers.convolution import conv
from paddle_tsm.models.layers.max_pool import MaxPool
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.resnet import RESNET_VD, STAGE_WIDTHS, STEM_CHANNELS


class ResidualBlock(Block):
    """What the two kinds of residual block share: a shortcut, which has a convolution where the shape changes.

    In ResNet-vd the shortcut's stride is that of an average pool, and the convolution behind it has stride 1.
    """

    act: Callable[[paddle.Tensor], paddle.Tensor]

    def __init__(self, network: Network, stage: int, block: int):
        is_vd = network.family is RESNET_VD
        act = F.leaky_relu if is_vd else F.relu  # the slope of Paddle's leaky ReLU is 0.01 by default
        super().__init__(network, stage, block, act=act)
        self.stride = 2 if stage > 1 and block == 0 else 1
        self.pooled = is_vd and self.stride == 2

    def add_shortcut(self, in_channels: int, out_channels: int, running_var: str) -> None:
        """Add the shortcut's layers. They come after the branch's: the tensors have torchvision's order."""
        self.downsample = None
        if self.stride != 1 or in_channels != out_channels:
            self.downsample = ConvNorm(
                conv(in_channels, out_channels, 1, 1 if self.pooled else self.stride),
                BatchNorm(out_channels, running_var=running_var),
            )

    def shortcut(self, x: paddle.Tensor) -> paddle.Tensor:
        if self.pooled:
            x = F.avg_pool2d(x, 2, stride=2, ceil_mode=True)
        return x if self.downsample is None else self.downsample(x)


class BasicBlock(ResidualBlock):
    """The block of ResNet-18 and -34: two 3x3 convolutions."""

    def __init__(self, network: Network, stage: int, block: int, in_channels: int):
        super().__init__(network, stage, block)
        width, running_var = STAGE_WIDTHS[stage - 1], network.running_var
        self.conv1 = conv(in_channels, width, 3, self.stride)
        self.bn1 = BatchNorm(width, running_var=running_var)
        self.conv2 = conv(width, width, 3)
        self.bn2 = BatchNorm(width, running_var=running_var)
        self.add_shortcut(in_channels, width, running_var)
        self.add_non_local(network, stage, block)

    def branch(self, x: paddle.Tensor, added: paddle.Tensor | None) -> paddle.Tensor:
        y = conv_norm(self.conv1, self.bn1, x, self.act)
        return conv_norm(self.conv2, self.bn2, y, self.act, added)


class Bottleneck(ResidualBlock):
    """The block of ResNet-50 and deeper: convolutions of 1x1, 3x3 and 1x1.

    The 3x3 convolution has the stride, as in torchvision and in mmaction2's style "pytorch". In its style "caffe" the
    first one has it.
    """

    def __init__(self, network: Network, stage: int, block: int, in_channels: int):
        super().__init__(network, stage, block)
        width, running_var = STAGE_WIDTHS[stage - 1], network.running_var
        first, second = (self.stride, 1) if network.caffe_style else (1, self.stride)
        self.conv1 = conv(in_channels, width, 1, first)
        self.bn1 = BatchNorm(width, running_var=running_var)
        self.conv2 = conv(width, width, 3, second)
        self.bn2 = BatchNorm(width, running_var=running_var)
        self.conv3 = conv(width, 4 * width, 1)
        self.bn3 = BatchNorm(4 * width, running_var=running_var)
        self.add_shortcut(in_channels, 4 * width, running_var)
        self.add_non_local(network, stage, block)

    def branch(self, x: paddle.Tensor, added: paddle.Tensor | None) -> paddle.Tensor:
        y = conv_norm(self.conv1, self.bn1, x, self.act)
        y = conv_norm(self.conv2, self.bn2, y, self.act)
        return conv_norm(self.conv3, self.bn3, y, self.act, added)


class ResNet(Recognizer):
    """ResNet-TSM. `ResNetVd` has another stem, other shortcuts and another activation."""

    def __init__(self, network: Network):
        super().__init__(network)
        # the names of the stages, and of the blocks that they end with
        self.stage_ends = {f"layer{stage}": f"layer{stage}.{n - 1}" for stage, n in enumerate(network.blocks, 1)}
        self.is_vd = network.family is RESNET_VD
        self.act = F.leaky_relu if self.is_vd else F.relu
        variance = network.running_var
        if self.is_vd:
            self.conv1_1, self.bn1_1 = conv(network.in_channels, 32, 3, stride=2), BatchNorm(32, running_var=variance)
            self.conv1_2, self.bn1_2 = conv(32, 32, 3), BatchNorm(32, running_var=variance)
            self.conv1_3, self.bn1_3 = conv(32, STEM_CHANNELS, 3), BatchNorm(STEM_CHANNELS, running_var=variance)
        else:
            self.conv1 = conv(network.in_channels, STEM_CHANNELS, 7, stride=2)
            self.bn1 = BatchNorm(STEM_CHANNELS, running_var=variance)
        self.maxpool = MaxPool(3, stride=2, padding=1)
        kind = Bottleneck if network.family.bottleneck(network.depth) else BasicBlock
        in_channels = STEM_CHANNELS
        for stage, count in enumerate(network.blocks, 1):
            blocks = []
            for block in range(count):
                blocks.append(kind(network, stage, block, in_channels))
                in_channels = network.family.stream_channels(network, stage)
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.fc = self.new_classifier(network)

    def stem(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N*T, 3, H, W] -> [N*T, 64, H / 4, W / 4]"""
        if not self.is_vd:
            return self.maxpool(conv_norm(self.conv1, self.bn1, x, self.act))
        x = conv_norm(self.conv1_1, self.bn1_1, x, self.act)
        x = conv_norm(self.conv1_2, self.bn1_2, x, self.act)
        return self.maxpool(conv_norm(self.conv1_3, self.bn1_3, x, self.act))

    def blocks_of_stages(self) -> dict[str, list[Block]]:
        return {name: list(getattr(self, name)) for name in self.stage_ends}

    def classifier_layer(self) -> nn.Linear:
        return self.fc


class ResNetVd(ResNet):
    """PP-TSM, whose stem, shortcuts and activation are those of ResNet-vd."""
