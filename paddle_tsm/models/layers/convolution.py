"""A convolution as every network here has it."""

from paddle import nn


def conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2D:
    """A convolution without bias that keeps the size at stride 1, drawn as mmaction2 draws it (Kaiming, fan out)."""
    return nn.Conv2D(
        in_channels,
        out_channels,
        kernel,
        stride,
        padding=kernel // 2,
        groups=groups,
        bias_attr=False,
        weight_attr=nn.initializer.KaimingNormal(mode="fan_out"),
    )
