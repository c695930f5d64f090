"""Batch normalisation for training in float64, with PyTorch's order of operations.

Paddle's kernel is not exact enough for a proof, for two reasons. It rounds eps to float32, which shows in a channel
that hardly varies. And it sums in another order than PyTorch: a BatchNorm over few values amplifies a difference in the
last place of a sum by orders of magnitude in every training step, so that two correct trainings drift apart. Here the
values of a channel are summed one by one, frame by frame, as in PyTorch (aten/src/ATen/native/cpu/
batch_norm_kernel.cpp, contiguous format). This is slower than the kernel, but float64 serves only for proofs.
"""

from __future__ import annotations

from typing import Any

import paddle
from paddle.autograd import PyLayer

from paddle_tsm.onednn.wanted_gradients import WantedGradients


def per_channel(values: paddle.Tensor) -> paddle.Tensor:
    """[C] -> [1, C, 1, 1], which is broadcast over [N, C, H, W]."""
    return values.reshape([1, -1, 1, 1])


def channel_sums(x: paddle.Tensor) -> paddle.Tensor:
    """The sum of each channel's values, which are added one after the other. x: [N, C, H, W] -> [C]"""
    return x.transpose([1, 0, 2, 3]).reshape([x.shape[1], -1]).cumsum(1)[:, -1]


class ExactBatchNorm(PyLayer):
    """y = x * a + (bias - mean * a),   a = weight / sqrt(var + eps).

    x: [N, C, H, W]; weight, bias: [C]. Returns y, [N, C, H, W], and the batch's mean and biased variance, [C] each.
    """

    @staticmethod
    def forward(
        ctx: Any, x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor, eps: float
    ) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        n = x.size // x.shape[1]
        mean = channel_sums(x) / n
        centred = x - per_channel(mean)
        var = channel_sums(centred * centred) / n
        inverse = 1 / paddle.sqrt(var + eps)
        scale = inverse * weight
        ctx.save_for_backward(x, weight, mean, inverse)
        ctx.wanted = WantedGradients(x, weight, bias)
        # a result that is kept itself would hold this function, which holds it
        return x * per_channel(scale) + per_channel(bias - mean * scale), mean.clone(), var

    @staticmethod
    def backward(ctx: Any, dy: paddle.Tensor, *_: paddle.Tensor) -> tuple[paddle.Tensor | None, ...]:
        x, weight, mean, inverse = ctx.saved_tensor()
        n = x.size // x.shape[1]
        centred = x - per_channel(mean)
        total, product = channel_sums(dy), channel_sums(centred * dy)
        slope = product * inverse * inverse / n
        dx = (dy - per_channel(total / n) - centred * per_channel(slope)) * per_channel(inverse * weight)
        return ctx.wanted.of(dx, product * inverse, total)
