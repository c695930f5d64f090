"""A block of any network: shift, residual branch, shortcut, activation, non-local block."""

from paddle import nn

from paddle_tsm.models.layers.non_local import NonLocal
from paddle_tsm.models.layers.shift import Shift
from paddle_tsm.networks.network import Network


class Block(nn.Layer):
    """What the blocks of all families share. A subclass gives `branch(x)` and, where it is not the identity,
    `shortcut(x)`.

    shift: a Shift or None, in front of the residual branch (shift_place "blockres") or of the whole block ("block").
    non_local: a NonLocal behind the block, or None. has_shortcut: whether the block's input is added to the branch.
    act: the function behind the sum, or None.
    """

    def __init__(self, network: Network, stage: int, block: int, has_shortcut: bool = True, act=None):
        super().__init__()
        shifts = network.shifts(stage, block)
        self.shift = Shift(network.segments(stage), network.shift_div, network.shift_order) if shifts else None
        self.shift_place = network.shift_place
        self.has_shortcut = has_shortcut
        self.act = act

    def add_non_local(self, network: Network, stage: int, block: int) -> None:
        """Add the non-local block; last, so that the tensors are in forward order."""
        self.non_local = None
        if network.attends(stage, block):
            channels = network.family.stream_channels(network, stage)
            self.non_local = NonLocal(channels, network.segments(stage), network.non_local, network.running_var)

    def shortcut(self, x):
        return x

    def forward(self, x):
        """[N*T, C, H, W] -> [N*T, C', H / stride, W / stride]"""
        shifted = x if self.shift is None else self.shift(x)
        if self.shift_place == "block":
            x = shifted
        y = self.branch(shifted)
        if self.has_shortcut:
            y = y + self.shortcut(x)
        if self.act is not None:
            y = self.act(y)
        return y if self.non_local is None else self.non_local(y)
