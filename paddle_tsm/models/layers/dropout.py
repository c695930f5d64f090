"""Dropout whose mask can be given."""

from __future__ import annotations

import paddle
from paddle import nn


class Dropout(nn.Dropout):
    """y = x * mask in training, where a mask was given.

    Without a mask it is paddle.nn.Dropout: each value becomes 0 with probability p, or else is multiplied by
    1 / (1 - p). A mask that is drawn from (seed, epoch, clip) is the same in both frameworks, for any number of
    processes, and after a training is resumed. Masks from a framework's own generator are not.
    """

    mask: paddle.Tensor | None = None

    def use_mask(self, mask: paddle.Tensor | None) -> None:
        """Use `mask`, [N*T, C], from now on; None: let Paddle draw."""
        object.__setattr__(self, "mask", mask)  # the __setattr__ of a layer would turn it into a buffer

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """x: [N*T, C]; returns the same shape."""
        if self.training and self.mask is not None:
            return x * self.mask
        return super().forward(x)
