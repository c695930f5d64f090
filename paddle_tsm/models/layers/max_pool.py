"""The maximum of every window, with the window of ResNet's stem."""

from __future__ import annotations

import paddle
from paddle import nn

from paddle_tsm.onednn.max_pool import MaxPoolFunction
from paddle_tsm.onednn.tensors import is_channels_last, serves


class MaxPool(nn.MaxPool2D):
    """paddle.nn.MaxPool2D of one window size, stride and padding for height and width, computed by oneDNN where the
    tensor lies channels last. [N, C, H, W] -> [N, C, H', W']
    """

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if serves(x) and is_channels_last(x):
            return MaxPoolFunction.apply(x, self.ksize, self.stride, self.padding)
        return super().forward(x)
