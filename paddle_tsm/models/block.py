"""A block of any family: shift, residual branch, shortcut, activation and non-local block."""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle import nn

from paddle_tsm.models.layers.activation import forked
from paddle_tsm.models.layers.non_local import NonLocal
from paddle_tsm.models.layers.shift import Shift
from paddle_tsm.networks.network import Network


class Block(nn.Layer):
    """The structure that the blocks of all families share:

        y = non_local(act(branch(shift(x)) + shortcut(x)))          with shift_place "blockres"
        y = non_local(act(branch(shift(x)) + shortcut(shift(x))))   with shift_place "block"

    A subclass defines `branch` and, where it is not the identity, `shortcut`; it calls `add_non_local`.
    has_shortcut: whether anything is added to the branch. act: the activation; None: the identity. The attributes
    `shift` and `non_local` are None where the block has no such layer.
    """

    def __init__(
        self,
        network: Network,
        stage: int,
        block: int,
        has_shortcut: bool = True,
        act: Callable[[paddle.Tensor], paddle.Tensor] | None = None,
    ):
        super().__init__()
        shifts = network.shifts(stage, block)
        self.shift = Shift(network.shifted_segments(stage), network.shift_div, network.shift_order) if shifts else None
        self.shift_place = network.shift_place
        self.has_shortcut = has_shortcut
        self.act = act

    def add_non_local(self, network: Network, stage: int, block: int) -> None:
        """Add the non-local block, where the network has one here. It comes last: tensors are in forward order."""
        self.non_local = None
        if network.non_local is not None and network.attends(stage, block):
            channels = network.family.stream_channels(network, stage)
            self.non_local = NonLocal(channels, network.segments(stage), network.non_local, network.running_var)

    def branch(self, x: paddle.Tensor, added: paddle.Tensor | None) -> paddle.Tensor:
        """act(residual branch of x + added), without the sum where `added` is None.

        [N*T, C, H, W] -> [N*T, C', H / stride, W / stride], which is the shape of `added`.
        """
        raise NotImplementedError

    def shortcut(self, x: paddle.Tensor) -> paddle.Tensor:
        """What is added to the branch, of the same shape as the branch's output."""
        return x

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N*T, C, H, W] -> [N*T, C', H / stride, W / stride]"""
        if self.shift is not None and self.shift_place == "block":
            x = self.shift(x)
        if self.has_shortcut:
            x, kept = forked(x)
        if self.shift is not None and self.shift_place != "block":
            x = self.shift(x)
        y = self.branch(x, self.shortcut(kept) if self.has_shortcut else None)
        return y if self.non_local is None else self.non_local(y)
