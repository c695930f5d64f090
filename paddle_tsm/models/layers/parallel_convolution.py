"""A convolution that is the sum of several in training, and one in the fused form."""

from __future__ import annotations

import paddle
from paddle import nn

from paddle_tsm.models.layers.activation import Function, activated_sum
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.conv_norm import conv_norm
from paddle_tsm.models.layers.convolution import conv
from paddle_tsm.networks import layers


class ConvNorm(nn.Layer):
    """A convolution without a bias, a BatchNorm, and an activation where one is given.

    [N, C, H, W] -> [N, C', H / stride, W / stride]"""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, groups: int, running_var: str):
        super().__init__()
        self.conv = conv(in_channels, out_channels, kernel, stride, groups)
        self.bn = BatchNorm(out_channels, running_var=running_var)

    def forward(self, x: paddle.Tensor, act: Function | None = None) -> paddle.Tensor:
        return conv_norm(self.conv, self.bn, x, act)


class ParallelBranches(nn.Layer):
    """A layer that computes identity(x) + sum_k branch_k(x), or the one convolution `fused` that is the same.

    A subclass calls `add_branches` and `sum_of_branches`.
    """

    def add_branches(self, declared: layers.ParallelConvolution, running_var: str, fused: bool) -> None:
        """Add the layers. declared, fused: as for `ParallelConvolution`."""
        whole = declared.fused
        self.is_fused, self.in_channels = fused, whole.in_channels
        has_identity = declared.identity_norm is not None and not fused
        self.identity = BatchNorm(whole.in_channels, running_var=running_var) if has_identity else None
        self.branches = nn.LayerList()  # behind the identity: tensors are in forward order
        if not fused:
            for branch in declared.branches:
                sizes = branch.kernel[0], whole.stride, whole.groups
                self.branches.append(ConvNorm(whole.in_channels, whole.out_channels, *sizes, running_var))
        if fused or declared.keeps_fused:
            self.fused = conv(
                whole.in_channels, whole.out_channels, whole.kernel[0], whole.stride, whole.groups, bias=True
            )
            if not fused:  # it is only kept for the file: nothing is computed with it
                self.fused.weight.stop_gradient = self.fused.bias.stop_gradient = True

    def sum_of_branches(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N, C, H, W] -> [N, C', H / stride, W / stride]"""
        if self.is_fused:
            return self.fused(x)
        first, *others = ([] if self.identity is None else [self.identity]) + list(self.branches)
        y = first(x)
        for branch in others:
            y = activated_sum(y, branch(x), None)
        return y


class ParallelConvolution(ParallelBranches):
    """y = identity(x) + sum_k branch_k(x), or the one convolution `fused` that computes the same.

    declared: its declaration, whose names end in "identity", "branches.<k>.conv", "branches.<k>.bn" and "fused".
    fused: whether it is the fused form. [N, C, H, W] -> [N, C', H / stride, W / stride], without the activation.
    """

    def __init__(self, declared: layers.ParallelConvolution, running_var: str, fused: bool):
        super().__init__()
        self.add_branches(declared, running_var, fused)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.sum_of_branches(x)
