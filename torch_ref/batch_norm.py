"""Batch normalisation (Ioffe and Szegedy, arXiv:1502.03167), with PyTorch's or Paddle's running variance."""

import torch
from torch import nn
from torch.nn import functional as F


class BatchNorm(nn.BatchNorm2d):
    """torch.nn.BatchNorm2d, whose running variance follows the unbiased or the biased variance of the batch.

    The unbiased variance is n / (n - 1) times the biased one, where n = N*H*W is the number of values of a channel.
    running_var: "unbiased", as in torch.nn.BatchNorm2d, or "biased", as in Paddle's layer.
    x: [N, C, H, W]; returns the same shape.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, running_var: str = "unbiased"):
        super().__init__(num_features, eps, momentum)
        self.biased = running_var == "biased"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not (self.biased and self.training):
            return super().forward(x)
        n = x.numel() // self.num_features
        mean, var = self.running_mean.clone(), self.running_var.clone()  # autograd keeps the tensors that it is given
        y = F.batch_norm(x, mean, var, self.weight, self.bias, True, self.momentum, self.eps)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.copy_(mean)
            before = self.running_var * (1 - self.momentum)
            added = var - before  # by the batch, from its unbiased variance
            self.running_var.copy_(before + added * (n - 1) / n)
        return y
