"""The convolution that every network here is built from."""

from __future__ import annotations

import paddle
from paddle import nn

from paddle_tsm.onednn.convolution import ConvolutionFunction, Sizes
from paddle_tsm.onednn.fixed_weights import FixedWeights
from paddle_tsm.onednn.tensors import serves


class Convolution(nn.Conv2D):
    """paddle.nn.Conv2D with one padding for all sides and no dilation, computed by oneDNN where that serves.

    [N, C, H, W] -> [N, C', H', W']. fixed: where its weights, and those of the BatchNorm behind it, never change, what
    evaluation keeps of them; see `fix_weights`.
    """

    fixed: FixedWeights | None = None

    def served(self, x: paddle.Tensor) -> Sizes | None:
        """What oneDNN computes for x; None where Paddle does. An x of a wrong shape is for Paddle, which names it."""
        if not serves(x):
            return None
        window = tuple(self._stride), tuple(self._padding), self._groups
        sizes = Sizes(tuple(x.shape), tuple(self.weight.shape), *window, self.bias is not None)
        return sizes if sizes.x[1] == self._in_channels and min(sizes.y) > 0 else None

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        sizes = self.served(x)
        return super().forward(x) if sizes is None else ConvolutionFunction.apply(x, self.weight, self.bias, sizes)


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


def fix_weights(model: nn.Layer) -> None:
    """Say that the weights of the model never change again, so that evaluation may keep them in oneDNN's order.

    That costs the memory of the convolutions' weights once more. A change afterwards would have no effect, or half of
    one; so only a model that nobody else can reach is fixed.
    """
    for layer in model.sublayers(include_self=True):
        if isinstance(layer, Convolution):
            object.__setattr__(layer, "fixed", FixedWeights())  # Paddle's __setattr__ is for tensors and layers
