"""Dropout (Srivastava et al., JMLR 15, 2014) whose mask can be given."""

import torch
from torch import nn


class Dropout(nn.Dropout):
    """torch.nn.Dropout, which multiplies by a mask in training where one was given.

    Without a given mask, two frameworks would drop different features, and so would a training and its resumption.
    x: [N*T, C]; returns the same shape.
    """

    def __init__(self, p: float):
        super().__init__(p)
        self.use_mask(None)

    def use_mask(self, mask: torch.Tensor | None) -> None:
        """mask: [N*T, C], each value 0 or 1 / (1 - p). None: PyTorch draws a new mask for each batch."""
        self.mask = mask

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.mask if self.training and self.mask is not None else super().forward(x)
