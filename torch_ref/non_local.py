"""The non-local block over space and time (Wang et al., arXiv:1711.07971, section 3)."""

import torch
from torch import nn
from torch.nn import functional as F

from torch_ref.batch_norm import BatchNorm


class NonLocal(nn.Module):
    """x + BN(out(y)),   y_i = sum_j f(x_i, x_j) g(x_j),   i and j over all frames and positions of a clip.

    f is the softmax over j of theta(x_i) . phi(x_j) (embedded_gaussian; gaussian: of x_i . x_j), or theta(x_i) . phi(x_j) / J
    (dot_product), or relu(w . [theta(x_i), phi(x_j)]) / J (concatenation), J the number of positions j.
    x: [N*T, C, H, W], T = num_segments; returns the same shape. `options`: NonLocalOptions.
    Source: MIT ops/non_local.py 1f6a834; mmcv cnn/bricks/non_local.py a8073c7 `NonLocal3d`.
    """

    def __init__(self, channels: int, num_segments: int, options, running_var: str):
        super().__init__()
        self.num_segments, self.mode = num_segments, options.mode
        self.inner = max(channels // 2, 1)
        self.scale = self.inner**-0.5 if options.use_scale else 1.0
        self.sub_sample = options.sub_sample
        self.g = nn.Conv3d(channels, self.inner, 1)
        if self.mode != "gaussian":
            self.theta = nn.Conv3d(channels, self.inner, 1)
            self.phi = nn.Conv3d(channels, self.inner, 1)
        if self.mode == "concatenation":
            self.concat = nn.Conv2d(2 * self.inner, 1, 1, bias=False)
        self.out = nn.Conv3d(self.inner, channels, 1, bias=options.out_bias)
        self.norm = BatchNorm(channels, running_var=running_var)
        nn.init.zeros_(self.norm.weight)  # the block starts as the identity
        for layer in self.children():
            if isinstance(layer, nn.Conv3d) and layer is not self.out:
                nn.init.normal_(layer.weight, std=0.01)

    def forward(self, x):
        _, c, h, w = x.shape
        clip = x.reshape(-1, self.num_segments, c, h, w).transpose(1, 2)  # [N, C, T, H, W]
        g = self._pool(self.g(clip)).flatten(2).transpose(1, 2)  # [N, J, C']
        y = torch.matmul(self._pairwise(clip), g).transpose(1, 2)  # [N, C', I]
        y = self.out(y.reshape(-1, self.inner, self.num_segments, h, w))  # [N, C, T, H, W]
        y = self.norm(y.reshape(-1, c, self.num_segments, h * w))  # BatchNorm takes four axes
        y = y.reshape(-1, c, self.num_segments, h, w).transpose(1, 2)  # [N, T, C, H, W]
        return x + y.reshape(-1, c, h, w)

    def _pool(self, clip):
        return F.max_pool3d(clip, (1, 2, 2), stride=(1, 2, 2)) if self.sub_sample else clip

    def _pairwise(self, clip):
        """f(x_i, x_j): [N, I, J]"""
        if self.mode == "gaussian":
            theta, phi = clip.flatten(2), self._pool(clip).flatten(2)  # [N, C, I], [N, C, J]
        else:
            theta, phi = self.theta(clip).flatten(2), self._pool(self.phi(clip)).flatten(2)  # [N, C', I], [N, C', J]
        if self.mode == "concatenation":
            i, j = theta.shape[2], phi.shape[2]
            pairs = torch.cat([theta.unsqueeze(3).expand(-1, -1, i, j), phi.unsqueeze(2).expand(-1, -1, i, j)], 1)
            return F.relu(self.concat(pairs))[:, 0] / j  # [N, 2C', I, J] -> [N, I, J]
        f = torch.einsum("nci,ncj->nij", theta, phi)
        if self.mode == "dot_product":
            return f / f.shape[2]
        return torch.softmax(f * self.scale if self.mode == "embedded_gaussian" else f, -1)
