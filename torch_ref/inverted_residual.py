"""The inverted residual block (MobileNetV2, arXiv:1801.04381, figure 4d) as PP-TSM's networks have it."""

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import nn

from paddle_tsm.networks.network import Network
from torch_ref.batch_norm import BatchNorm
from torch_ref.residual import ShiftedResidual, conv


class ConvNorm(nn.Sequential):
    """`conv`, `bn` and an activation, which is left out where there is none."""

    def __init__(
        self,
        channels: int,
        out_channels: int,
        kernel: int,
        running_var: str,
        activation: Callable[[], nn.Module] | None = None,
        stride: int = 1,
        groups: int = 1,
    ):
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv"] = conv(channels, out_channels, kernel, stride, groups)
        layers["bn"] = BatchNorm(out_channels, running_var=running_var)
        if activation is not None:
            layers["act"] = activation()
        super().__init__(layers)


class InvertedResidual(ShiftedResidual):
    """The block, in the terms of `ShiftedResidual`.

    F: a 1x1 convolution from c to `hidden` channels, a depthwise one with `kernel` and `stride`, and a 1x1 one without
    an activation to c' channels; `squeeze`, where it is given, stands in front of the last one. S: x where the shape
    stays the same, else 0. a: the identity. widths: (c, hidden, c'). activation: makes the activation behind the first
    two. A block without a shortcut does not shift (PaddleVideo backbones/pptsm_mv2.py ed245e9).
    """

    def __init__(
        self,
        network: Network,
        stage: int,
        block: int,
        widths: tuple[int, int, int],
        kernel: int,
        stride: int,
        activation: Callable[[], nn.Module],
        squeeze: nn.Module | None = None,
    ):
        channels, hidden, out_channels = widths
        keeps_shape = stride == 1 and channels == out_channels
        super().__init__(network, stage, block, can_shift=keeps_shape)
        self.adds_input, running_var = keeps_shape, network.running_var
        self.expand = ConvNorm(channels, hidden, 1, running_var, activation)
        self.depthwise = ConvNorm(hidden, hidden, kernel, running_var, activation, stride, groups=hidden)
        self.se = squeeze or nn.Identity()
        self.project = ConvNorm(hidden, out_channels, 1, running_var)
        self.add_non_local(network, stage, block, out_channels)

    def branch(self, x: torch.Tensor) -> torch.Tensor:
        return self.project(self.se(self.depthwise(self.expand(x))))

    def shortcut(self, x: torch.Tensor) -> torch.Tensor | int:
        return x if self.adds_input else 0

    def activation(self, x: torch.Tensor) -> torch.Tensor:
        return x
