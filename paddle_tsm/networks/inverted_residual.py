"""The inverted residual block of PaddleVideo's PP-TSM on MobileNetV2 and MobileNetV3 (arXiv:1801.04381, section 3.4).

Unlike torchvision's, every block has the convolution that expands, also where it adds no channels.
Source: PaddleVideo backbones/pptsm_mv2.py, pptsm_mv3.py ed245e9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from paddle_tsm.networks.layers import Convolution, Layer, Place, SqueezeExcitation

# The slope of MobileNetV3's gate, the hard sigmoid clip(0.2 x + 0.5, 0, 1); PyTorch's own has 1/6. Paddle's operator
# takes it as a float32, also in a network of float64.
GATE_SLOPE = float(np.float32(0.2))


@dataclass(frozen=True)
class InvertedResidual:
    """A 1x1 convolution to `wide` channels, a depthwise one, and a 1x1 one to `out_channels`, each with a BatchNorm.

    name: the canonical name. kernel, stride: those of the depthwise convolution. activation: the function behind the
    first two, by its name in `torch.nn.functional`. squeezed: the channels between the two layers of squeeze and
    excitation, which stands behind the depthwise convolution; None: there is none.
    """

    name: str
    stage: int
    block: int
    in_channels: int
    wide: int
    out_channels: int
    kernel: int
    stride: int
    activation: str
    squeezed: int | None = None

    @property
    def keeps_shape(self) -> bool:
        """Whether input and output have one shape. Only such a block has a shortcut, and only such a block shifts."""
        return self.stride == 1 and self.in_channels == self.out_channels

    def layers(self, halvings: int) -> Iterator[Layer]:
        """The block's layers. halvings: how often height and width have been halved in front of the block."""
        before = Place("branch", halvings, self.stage, self.block)
        behind = Place("branch", halvings + (self.stride == 2), self.stage, self.block)
        yield Convolution(
            f"{self.name}.expand.conv",
            before,
            self.wide,
            self.in_channels,
            (1, 1),
            f"{self.name}.expand.bn",
            activation=self.activation,
            reads=True,
        )
        yield Convolution(
            f"{self.name}.depthwise.conv",
            behind,
            self.wide,
            self.wide,
            (self.kernel, self.kernel),
            f"{self.name}.depthwise.bn",
            stride=self.stride,
            groups=self.wide,
            activation=self.activation,
        )
        if self.squeezed is not None:
            yield self.squeeze_excitation(self.squeezed)
        yield Convolution(
            f"{self.name}.project.conv",
            behind,
            self.out_channels,
            self.wide,
            (1, 1),
            f"{self.name}.project.bn",
            writes=True,
        )

    def squeeze_excitation(self, squeezed: int) -> SqueezeExcitation:
        """The layer of that kind with `squeezed` channels between its two convolutions."""
        place = Place("branch", None, self.stage, self.block)
        return SqueezeExcitation(
            Convolution(f"{self.name}.se.fc1", place, squeezed, self.wide, (1, 1), bias=True),
            Convolution(f"{self.name}.se.fc2", place, self.wide, squeezed, (1, 1), bias=True),
            gate="hardsigmoid",  # of the slope above
        )
