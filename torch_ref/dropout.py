"""Dropout (Srivastava et al., JMLR 15, 2014) with a mask that can be given."""

import torch
from torch import nn


class Dropout(nn.Dropout):
    """torch.nn.Dropout, unless a mask was given: then training multiplies by the mask.

    Two frameworks, or a training and its resumption, drop the same features only where they are told which.
    x: [N*T, C]; returns the same shape.
    """

    def __init__(self, p: float):
        super().__init__(p)
        self.use_mask(None)

    def use_mask(self, mask: torch.Tensor | None) -> None:
        """mask: [N*T, C], each value 0 or 1 / (1 - p); None: PyTorch draws it, afresh for each batch."""
        self.mask = mask

    def forward(self, x):
        return x * self.mask if self.training and self.mask is not None else super().forward(x)
