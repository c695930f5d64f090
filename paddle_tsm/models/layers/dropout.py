"""Dropout whose mask can be given."""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn


class Dropout(nn.Dropout):
    """y = x * mask in training, where a mask was given.

    Without a mask it is paddle.nn.Dropout: each value becomes 0 with probability p, or else is multiplied by
    1 / (1 - p). A mask that is drawn from (seed, epoch, clip) is the same in both frameworks, for any number of
    processes, and after a training is resumed. Masks from a framework's own generator are not.

    scales_at_inference: the kept features are as they were in training, and all features are multiplied by 1 - p in
    evaluation. That is Paddle's mode "downscale_in_infer", whose factor is a float32 in every precision.
    """

    mask: paddle.Tensor | None = None

    def __init__(self, p: float, scales_at_inference: bool = False):
        super().__init__(p, mode="downscale_in_infer" if scales_at_inference else "upscale_in_train")
        self.factor_at_inference = float(np.float32(1 - p)) if scales_at_inference else 1.0

    def use_mask(self, mask: paddle.Tensor | None) -> None:
        """Use `mask`, [N*T, C], from now on; None: let Paddle draw."""
        object.__setattr__(self, "mask", mask)  # the __setattr__ of a layer would turn it into a buffer

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """x: [N*T, C]; returns the same shape."""
        if self.training and self.mask is not None:
            return x * self.mask
        if not self.training:
            return x if self.factor_at_inference == 1.0 else x * self.factor_at_inference
        return super().forward(x)
