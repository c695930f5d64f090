"""The convolution that every network here is built from."""

from paddle import nn


def conv(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = False
) -> nn.Conv2D:
    """A convolution, without a bias unless one is asked for, padded so that stride 1 keeps height and width.

    [N, in_channels, H, W] -> [N, out_channels, H / stride, W / stride]. Its weights are drawn from mmaction2's
    distribution (Kaiming normal, fan out).
    """
    return nn.Conv2D(
        in_channels,
        out_channels,
        kernel,
        stride,
        padding=kernel // 2,
        groups=groups,
        bias_attr=nn.initializer.Constant(0.0) if bias else False,
        weight_attr=nn.initializer.KaimingNormal(mode="fan_out"),
    )
