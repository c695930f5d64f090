"""The mean of each channel over height and width."""

from __future__ import annotations

import paddle

from paddle_tsm.onednn.tensors import is_channels_last, serves


def map_mean(x: paddle.Tensor) -> paddle.Tensor:
    """[N, C, H, W] -> [N, C]"""
    if serves(x) and is_channels_last(x):
        return x.flatten(2).mean(2)  # one axis: over two, Paddle takes such a tensor eight times as long, backward, too
    return x.mean([2, 3])
