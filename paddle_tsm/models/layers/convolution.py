"""The convolution that every network here is built from."""

from __future__ import annotations

import paddle
from paddle import nn

from paddle_tsm.onednn.convolution import ConvolutionFunction, Sizes
from paddle_tsm.onednn.tensors import serves


class Convolution(nn.Conv2D):
    """paddle.nn.Conv2D with one padding for all sides and no dilation, computed by oneDNN where that serves.

    [N, C, H, W] -> [N, C', H', W']
    """

    def sizes(self, x: paddle.Tensor) -> Sizes:
        """What is computed for x."""
        window = tuple(self._stride), tuple(self._padding), self._groups
        return Sizes(tuple(x.shape), tuple(self.weight.shape), *window, self.bias is not None)

    def is_served(self, x: paddle.Tensor) -> bool:
        """Whether oneDNN computes it. It leaves an x of a wrong shape to Paddle, which says what is wrong."""
        return serves(x) and x.shape[1] == self._in_channels and min(self.sizes(x).y) > 0

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if self.is_served(x):
            return ConvolutionFunction.apply(x, self.weight, self.bias, self.sizes(x))
        return super().forward(x)


def conv(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = False
) -> Convolution:
    """A convolution, without a bias unless one is asked for, padded so that stride 1 keeps height and width.

    [N, in_channels, H, W] -> [N, out_channels, H / stride, W / stride]. Its weights are drawn from mmaction2's
    distribution (Kaiming normal, fan out).
    """
    return Convolution(
        in_channels,
        out_channels,
        kernel,
        stride,
        padding=[kernel // 2] * 2,
        groups=groups,
        bias_attr=nn.initializer.Constant(0.0) if bias else False,
        weight_attr=nn.initializer.KaimingNormal(mode="fan_out"),
    )
