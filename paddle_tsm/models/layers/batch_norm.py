"""Batch normalisation with PyTorch's running statistics (Ioffe and Szegedy, arXiv:1502.03167)."""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.layers.exact_batch_norm import ExactBatchNorm
from paddle_tsm.onednn.batch_norm import BatchNormFunction
from paddle_tsm.onednn.tensors import is_channels_last, serves


class BatchNorm(nn.Layer):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, for each channel.

    In evaluation, mean and var are the running statistics. In training they are the batch's mean and biased variance,
    and the running statistics move towards the batch's:

        running = (1 - momentum) * running + momentum * batch

    That is PyTorch's convention; Paddle calls 1 - momentum the momentum. With `running_var="unbiased"` the running
    variance moves towards n / (n - 1) times the batch's biased variance, n = N*H*W, as in PyTorch
    (torch.nn.BatchNorm2d). With "biased" it moves towards the biased variance itself, as in Paddle
    (phi/kernels/cpu/batch_norm_kernel.cc).

    x: [N, C, H, W]; returns the same shape. The tensors weight, bias, running_mean and running_var are [C],
    num_batches_tracked is []. Raises ValueError in training where a channel has a single value.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, running_var: str = "unbiased"):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.unbiased = running_var == "unbiased"
        self.weight = self.create_parameter([num_features], default_initializer=nn.initializer.Constant(1.0))
        self.bias = self.create_parameter([num_features], is_bias=True)
        self.register_buffer("running_mean", paddle.zeros([num_features]))
        self.register_buffer("running_var", paddle.ones([num_features]))
        self.register_buffer("num_batches_tracked", paddle.zeros([], dtype="int64"))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self._train(x) if self.training else self._eval(x)

    def _eval(self, x: paddle.Tensor) -> paddle.Tensor:
        var = self.running_var
        if x.dtype == paddle.float64:
            # Paddle's kernel rounds eps to float32. The rounding error is added to the variance instead.
            var = var + (self.eps - float(np.float32(self.eps)))
        if serves(x) and is_channels_last(x):
            statistics = self.running_mean, self.running_var
            return BatchNormFunction.apply(x, self.weight, self.bias, statistics, self.eps, False)
        return F.batch_norm(x, self.running_mean, var, self.weight, self.bias, training=False, epsilon=self.eps)

    def scale_and_shift(self) -> tuple[paddle.Tensor, paddle.Tensor]:
        """The factor and the summand of each channel in evaluation, [C] each."""
        scale = self.weight / paddle.sqrt(self.running_var + self.eps)
        return scale, self.bias - self.running_mean * scale

    def train_with_relu(self, x: paddle.Tensor) -> paddle.Tensor:
        """The ReLU of what a training computes for x, which oneDNN serves."""
        return self._train(x, with_relu=True)

    def _train(self, x: paddle.Tensor, with_relu: bool = False) -> paddle.Tensor:
        n = x.shape[0] * x.shape[2] * x.shape[3]
        if n == 1:
            raise ValueError(f"BatchNorm in training: got one value per channel (x is {list(x.shape)}), wanted several")
        if x.dtype == paddle.float64:
            y, mean, var = ExactBatchNorm.apply(x, self.weight, self.bias, self.eps)
        elif serves(x) and is_channels_last(x):
            y, mean, var = BatchNormFunction.apply(x, self.weight, self.bias, None, self.eps, with_relu)
        else:
            y, mean, var = self._normalise(x)
        with paddle.no_grad():
            if self.unbiased:
                var = var * (n / (n - 1))
            m = self.momentum
            paddle.assign(self.running_mean * (1 - m) + mean * m, self.running_mean)
            paddle.assign(self.running_var * (1 - m) + var * m, self.running_var)
            self.num_batches_tracked.add_(paddle.ones_like(self.num_batches_tracked))
        return y

    def _normalise(self, x: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        """Returns y and the batch's mean and biased variance, computed by Paddle's kernel."""
        # With a momentum of 0, as Paddle counts it, the kernel replaces the running statistics by the batch's own.
        mean, var = paddle.zeros_like(self.running_mean), paddle.zeros_like(self.running_var)
        y = F.batch_norm(x, mean, var, self.weight, self.bias, training=True, momentum=0.0, epsilon=self.eps)
        return y, mean, var
