"""Training-time batch normalisation in float64, in PyTorch's own order of operations.

Paddle's kernel holds eps as a float32, which shows (1e-9 of the statistics) where a channel hardly varies; and a
BatchNorm over few values amplifies the last place of a sum by orders of magnitude in every step of training, so that
two right results drift apart. Sums run here as in PyTorch: value by value, frame by frame (aten/src/ATen/native/cpu/
batch_norm_kernel.cpp, contiguous format). Slower than a kernel, and float64 is there for proofs.
"""

import paddle
from paddle.autograd import PyLayer


def per_channel(values):
    """[C] -> [1, C, 1, 1]"""
    return values.reshape([1, -1, 1, 1])


def channel_sums(x):
    """The sum of each channel's values, one after the other. x: [N, C, H, W] -> [C]"""
    return x.transpose([1, 0, 2, 3]).reshape([x.shape[1], -1]).cumsum(1)[:, -1]


class ExactBatchNorm(PyLayer):
    """y = x * a + (b - mean * a),   a = weight / sqrt(var + eps);   also returns mean and the biased var, [C] each."""

    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        n = x.size // x.shape[1]
        mean = channel_sums(x) / n
        centred = x - per_channel(mean)
        var = channel_sums(centred * centred) / n
        inverse = 1 / paddle.sqrt(var + eps)
        scale = inverse * weight
        ctx.save_for_backward(x, weight, mean, inverse)
        ctx.wanted = [not tensor.stop_gradient for tensor in (x, weight, bias)]
        return x * per_channel(scale) + per_channel(bias - mean * scale), mean, var

    @staticmethod
    def backward(ctx, dy, _, __):
        x, weight, mean, inverse = ctx.saved_tensor()
        n = x.size // x.shape[1]
        centred = x - per_channel(mean)
        total, product = channel_sums(dy), channel_sums(centred * dy)
        slope = product * inverse * inverse / n
        dx = (dy - per_channel(total / n) - centred * per_channel(slope)) * per_channel(inverse * weight)
        gradients = (dx, product * inverse, total)
        return tuple(gradient if wanted else None for gradient, wanted in zip(gradients, ctx.wanted))  # Paddle insists
