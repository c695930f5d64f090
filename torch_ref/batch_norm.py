"""Batch normalisation (Ioffe and Szegedy, arXiv:1502.03167), with Paddle's running variance on request."""

import torch
from torch import nn
from torch.nn import functional as F


class BatchNorm(nn.BatchNorm2d):
    """torch.nn.BatchNorm2d, whose running variance follows the batch's unbiased one, n / (n - 1) times the biased one.

    `running_var="biased"` makes it follow the biased one, as Paddle's layer does; n = N*H*W values of a channel.
    x: [N, C, H, W]; returns the same shape.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, running_var: str = "unbiased"):
        super().__init__(num_features, eps, momentum)
        self.biased = running_var == "biased"

    def forward(self, x):
        if not (self.biased and self.training):
            return super().forward(x)
        n = x.numel() // self.num_features
        mean, var = self.running_mean.clone(), self.running_var.clone()  # autograd keeps those that it was given
        y = F.batch_norm(x, mean, var, self.weight, self.bias, True, self.momentum, self.eps)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.copy_(mean)
            before = self.running_var * (1 - self.momentum)
            self.running_var.copy_(before + (var - before) * (n - 1) / n)  # var - before is what the batch added
        return y
