"""A re-parameterised convolution (RepVGG, Ding et al., arXiv:2101.03697; MobileOne, arXiv:2206.04040, figure 3)."""

from collections.abc import Sequence

import torch
from torch import nn

from torch_ref.batch_norm import BatchNorm


class ParallelConvolution(nn.Module):
    """The sum of convolutions of the same input, each behind it with a BatchNorm of its own.

    kernels: the size of each convolution, in the order of "branches.0", "branches.1", ... With `identity`, a BatchNorm
    of the input is added, too. With `form` "fused" the layer is one convolution with a bias instead, called "fused",
    whose kernel is the largest; with "both" it has that one, too, but only keeps it, as PaddleVideo's files do.
    [N, C, H, W] -> [N, C', H / stride, W / stride]
    """

    def __init__(
        self,
        channels: int,
        out_channels: int,
        kernels: Sequence[int],
        stride: int = 1,
        groups: int = 1,
        identity: bool = False,
        form: str = "branches",
        running_var: str = "unbiased",
    ):
        super().__init__()

        def convolution(kernel: int, bias: bool) -> nn.Conv2d:
            return nn.Conv2d(channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=bias)

        self.form = form
        if form != "fused":
            if identity:
                self.identity = BatchNorm(channels, running_var=running_var)
            self.branches = nn.ModuleList()
            for kernel in kernels:
                norm = BatchNorm(out_channels, running_var=running_var)
                self.branches.append(nn.ModuleDict({"conv": convolution(kernel, bias=False), "bn": norm}))
        if form != "branches":
            self.fused = convolution(max(kernels), bias=True).requires_grad_(form == "fused")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.form == "fused":
            return self.fused(x)
        results = [branch["bn"](branch["conv"](x)) for branch in self.branches]
        return torch.stack(results + ([self.identity(x)] if hasattr(self, "identity") else [])).sum(dim=0)
