"""A residual block with the temporal shift in it (TSM, arXiv:1811.08383, section 3.3), whatever its layers are."""

from collections.abc import Iterable, Sequence

import torch
from torch import nn

from paddle_tsm.networks.network import Network
from torch_ref.batch_norm import BatchNorm
from torch_ref.non_local import NonLocal
from torch_ref.shift import temporal_shift


def frames_in_stage(network: Network, stage: int) -> int:
    """The number of frames of a clip in a stage, counted from 1. A temporal pool halves it from the second stage on."""
    return network.num_segments // (2 if network.temporal_pool and stage >= 2 else 1)


def conv(channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution without a bias. Its padding is such that a stride of 1 keeps height and width."""
    return nn.Conv2d(channels, out_channels, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)


class TemporalShift(nn.Module):
    """`temporal_shift` with the arguments that a stage of `network` needs. [N*T, C, H, W] -> the same shape

    With `shift_segments`, a frame at the end of a group gets zeros, as one at the end of a clip does.
    """

    def __init__(self, network: Network, stage: int):
        super().__init__()
        frames = network.shift_segments or frames_in_stage(network, stage)
        self.arguments = frames, network.shift_div, network.shift_order

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return temporal_shift(x, *self.arguments)


class ShiftedResidual(nn.Module):
    """y = A(a(F(s(x)) + S(x)))   where the shift s stands in the residual branch ("blockres", figure 3b), or
    y = A(a(F(s(x)) + S(s(x))))   where it stands before the block ("block", figure 3a).

    A subclass defines the branch F, the shortcut S and the activation a. It adds the non-local block A last, so that
    the tensors come in torchvision's order. [N*T, C, H, W] -> [N*T, C', H / stride, W / stride]
    """

    def __init__(self, network: Network, stage: int, block: int, can_shift: bool = True):
        super().__init__()
        shifts = network.is_shift and can_shift and block % network.every == 0
        self.shift = TemporalShift(network, stage) if shifts else nn.Identity()
        self.shifts_shortcut = network.shift_place == "block"

    def add_non_local(self, network: Network, stage: int, block: int, channels: int) -> None:
        """Add the non-local block that follows this block in `network`, if there is one."""
        options = network.non_local
        self.non_local: nn.Module = nn.Identity()
        if options is not None and (stage, block) in options.blocks:
            self.non_local = NonLocal(channels, frames_in_stage(network, stage), options, network.running_var)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shifted = self.shift(x)
        y = self.branch(shifted) + self.shortcut(shifted if self.shifts_shortcut else x)
        return self.non_local(self.activation(y))


class ConvNorms(nn.Module):
    """A chain of convolutions, each with a BatchNorm behind it: "conv1" and "bn1", "conv2" and "bn2", ...

    A subclass defines `activation(x)`, which stands between a BatchNorm and the next convolution.
    """

    def add_chain(
        self,
        names: Iterable[str],
        widths: Sequence[int],
        kernels: Sequence[int],
        strides: Sequence[int],
        running_var: str,
    ) -> None:
        """Add the layers of the chain.

        names: what follows "conv" and "bn" in the layers' names. names, kernels and strides have one value for each
        convolution. widths: the channels of the input, then those of each output.
        """
        self.chain = tuple((f"conv{name}", f"bn{name}") for name in names)
        for (conv_name, norm_name), pair, kernel, stride in zip(self.chain, zip(widths, widths[1:]), kernels, strides):
            self.add_module(conv_name, conv(*pair, kernel, stride))
            self.add_module(norm_name, BatchNorm(pair[1], running_var=running_var))

    def run_chain(self, x: torch.Tensor) -> torch.Tensor:
        """The output of the last BatchNorm, without an activation behind it."""
        for i, names in enumerate(self.chain):
            x = self.activation(x) if i else x
            for name in names:
                x = getattr(self, name)(x)
        return x
