"""Batch normalisation, with Paddle's running variance on request (Ioffe and Szegedy, arXiv:1502.03167)."""

import torch
from torch import nn
from torch.nn import functional as F


class BatchNorm(nn.BatchNorm2d):
    """PyTorch's own layer; `running_var="biased"` feeds the running variance the batch's biased one, as Paddle does.

    x: [N, C, H, W]; returns the same shape.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, running_var: str = "unbiased"):
        super().__init__(num_features, eps=eps, momentum=momentum)
        self.unbiased = running_var == "unbiased"

    def forward(self, x):
        if self.unbiased or not self.training:
            return super().forward(x)
        n = x.numel() // x.shape[1]
        # with momentum 1 the "running" statistics become the batch's own, the variance unbiased
        mean, var = torch.zeros_like(self.running_mean), torch.zeros_like(self.running_var)
        y = F.batch_norm(x, mean, var, self.weight, self.bias, training=True, momentum=1.0, eps=self.eps)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * ((n - 1) / n), self.momentum)
            self.num_batches_tracked += 1
        return y
