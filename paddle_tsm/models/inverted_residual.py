"""The inverted residual block of PP-TSM on MobileNetV2 and MobileNetV3."""

from __future__ import annotations

from functools import partial

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.block import Block
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.conv_norm import conv_norm
from paddle_tsm.models.layers.convolution import conv
from paddle_tsm.models.layers.squeeze_excitation import SqueezeExcitation
from paddle_tsm.networks import inverted_residual
from paddle_tsm.networks.inverted_residual import GATE_SLOPE
from paddle_tsm.networks.network import Network


class ConvNorm(nn.Layer):
    """A convolution, a BatchNorm, a tensor that may be added and, where one is named, an activation of
    `paddle.nn.functional`.

    [N, in_channels, H, W] -> [N, out_channels, H / stride, W / stride]
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        running_var: str,
        activation: str | None = None,
        stride: int = 1,
        groups: int = 1,
    ):
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel, stride, groups)
        self.bn = BatchNorm(out_channels, running_var=running_var)
        self.act = None if activation is None else getattr(F, activation)

    def forward(self, x: paddle.Tensor, added: paddle.Tensor | None = None) -> paddle.Tensor:
        return conv_norm(self.conv, self.bn, x, self.act, added)


class InvertedResidual(Block):
    """The block that `declared` describes. It has a shortcut where input and output have one shape."""

    def __init__(self, network: Network, declared: inverted_residual.InvertedResidual):
        super().__init__(network, declared.stage, declared.block, has_shortcut=declared.keeps_shape)
        wide, act, running_var = declared.wide, declared.activation, network.running_var
        self.expand = ConvNorm(declared.in_channels, wide, 1, running_var, act)
        self.depthwise = ConvNorm(wide, wide, declared.kernel, running_var, act, declared.stride, groups=wide)
        self.se = None
        if declared.squeezed is not None:
            self.se = SqueezeExcitation(wide, declared.squeezed, partial(F.hardsigmoid, slope=GATE_SLOPE))
        self.project = ConvNorm(wide, declared.out_channels, 1, running_var)
        self.add_non_local(network, declared.stage, declared.block)

    def branch(self, x: paddle.Tensor, added: paddle.Tensor | None) -> paddle.Tensor:
        y = self.depthwise(self.expand(x))
        return self.project(y if self.se is None else self.se(y), added)
