"""Dropout (Srivastava et al., JMLR 15, 2014) whose mask can be given."""

import numpy as np
import torch
from torch import nn


class Dropout(nn.Dropout):
    """torch.nn.Dropout, which multiplies by a mask in training where one was given.

    Without a given mask, two frameworks would drop different features, and so would a training and its resumption.
    With `scales_at_inference` it is the dropout of the paper's section 10 (Paddle calls it "downscale_in_infer"): no
    feature is scaled in training, and in evaluation each is multiplied by its chance to be kept, 1 - p. PaddleVideo's
    networks hold this factor as a float32 in every precision.
    x and the result are [N*T, C].
    """

    def __init__(self, p: float, scales_at_inference: bool = False):
        super().__init__(p)
        self.chance = float(np.float32(1 - p)) if scales_at_inference else None
        self.use_mask(None)

    def use_mask(self, mask: torch.Tensor | None) -> None:
        """mask: [N*T, C], each value 0 or what a kept feature is multiplied by. None: PyTorch draws a new mask for each
        batch.
        """
        self.mask = mask

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.mask is not None and self.training:
            return self.mask * x
        if self.chance is None:
            return super().forward(x)
        return x * (torch.bernoulli(torch.full_like(x, 1 - self.p)) if self.training else self.chance)
