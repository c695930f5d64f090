"""Batch normalisation with PyTorch's running statistics (Ioffe and Szegedy, arXiv:1502.03167)."""

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.layers.exact_batch_norm import ExactBatchNorm


class BatchNorm(nn.Layer):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, per channel.

    In training, mean and (biased) var are the batch's, and the running ones move towards it: running = (1 - momentum) *
    running + momentum * batch. That is PyTorch's convention; Paddle calls 1 - momentum the momentum.
    `running_var="unbiased"` feeds the running variance n / (n - 1) times the batch's, n = N*H*W, as PyTorch does
    (torch.nn.BatchNorm2d); "biased" feeds the batch's own, as Paddle does (phi/kernels/cpu/batch_norm_kernel.cc).

    x: [N, C, H, W]; returns the same shape. Tensors: weight, bias, running_mean, running_var: [C]; num_batches_tracked:
    []. Raises ValueError in training where a channel has a single value.
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

    def forward(self, x):
        return self._train(x) if self.training else self._eval(x)

    def _eval(self, x):
        var = self.running_var
        if x.dtype == paddle.float64:
            # Paddle's kernel holds eps as a float32; the variance carries what that loses
            var = var + (self.eps - float(np.float32(self.eps)))
        return F.batch_norm(x, self.running_mean, var, self.weight, self.bias, training=False, epsilon=self.eps)

    def _train(self, x):
        n = x.shape[0] * x.shape[2] * x.shape[3]
        if n == 1:
            raise ValueError(f"BatchNorm in training: got one value per channel (x is {list(x.shape)}), wanted several")
        if x.dtype == paddle.float64:
            y, mean, var = ExactBatchNorm.apply(x, self.weight, self.bias, self.eps)
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

    def _normalise(self, x):
        """y and the batch's mean and biased variance, by Paddle's kernel."""
        # with momentum 0, Paddle's in the kernel, the "running" statistics become the batch's own
        mean, var = paddle.zeros_like(self.running_mean), paddle.zeros_like(self.running_var)
        y = F.batch_norm(x, mean, var, self.weight, self.bias, training=True, momentum=0.0, epsilon=self.eps)
        return y, mean, var
