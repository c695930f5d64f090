"""The non-local block over space and time (Wang et al., arXiv:1711.07971, section 3)."""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.networks.non_local import NonLocalOptions


class NonLocal(nn.Layer):
    """x + BN(out(y)),   y_i = sum_j f(x_i, x_j) g(x_j)

    i runs over the I = T*H*W positions in all frames of a clip. j runs over the same positions or, with `sub_sample`,
    over the maxima of 2x2 neighbours in each frame; J is their number. theta, phi and g map C channels to C' = C / 2.
    The modes differ in f:

        gaussian           f = softmax over j of x_i . x_j
        embedded_gaussian  f = softmax over j of theta(x_i) . phi(x_j), with `use_scale` divided by sqrt(C')
        dot_product        f = theta(x_i) . phi(x_j) / J
        concatenation      f = relu(w . [theta(x_i), phi(x_j)]) / J

    x: [N*T, C, H, W], T = `num_segments`; returns the same shape.
    Source: MIT ops/non_local.py 1f6a834; mmcv cnn/bricks/non_local.py a8073c7 `NonLocal3d`.
    """

    def __init__(self, channels: int, num_segments: int, options: NonLocalOptions, running_var: str):
        super().__init__()
        self.num_segments, self.mode = num_segments, options.mode
        self.inner = max(channels // 2, 1)
        self.scale = self.inner**-0.5 if options.use_scale else 1.0
        self.sub_sample = options.sub_sample
        weight = nn.initializer.Normal(0.0, 0.01)
        self.g = nn.Conv3D(channels, self.inner, 1, weight_attr=weight)
        if self.mode != "gaussian":
            self.theta = nn.Conv3D(channels, self.inner, 1, weight_attr=weight)
            self.phi = nn.Conv3D(channels, self.inner, 1, weight_attr=weight)
        if self.mode == "concatenation":
            self.concat = nn.Conv2D(2 * self.inner, 1, 1, bias_attr=False)
        self.out = nn.Conv3D(self.inner, channels, 1, bias_attr=None if options.out_bias else False)
        self.norm = BatchNorm(channels, running_var=running_var)
        self.norm.weight.set_value(paddle.zeros_like(self.norm.weight))  # so that the block starts as the identity

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        _, c, h, w = x.shape
        clip = x.reshape([-1, self.num_segments, c, h, w]).transpose([0, 2, 1, 3, 4])  # [N, C, T, H, W]
        g = self._pool(self.g(clip)).flatten(2).transpose([0, 2, 1])  # [N, J, C']
        y = paddle.matmul(self._pairwise(clip), g).transpose([0, 2, 1])  # [N, C', I]
        y = self.out(y.reshape([-1, self.inner, self.num_segments, h, w]))  # [N, C, T, H, W]
        y = self.norm(y.reshape([-1, c, self.num_segments, h * w]))  # BatchNorm takes four axes
        y = y.reshape([-1, c, self.num_segments, h, w]).transpose([0, 2, 1, 3, 4])  # [N, T, C, H, W]
        return x + y.reshape([-1, c, h, w])

    def _pool(self, clip: paddle.Tensor) -> paddle.Tensor:
        return F.max_pool3d(clip, (1, 2, 2), stride=(1, 2, 2)) if self.sub_sample else clip

    def _pairwise(self, clip: paddle.Tensor) -> paddle.Tensor:
        """f(x_i, x_j): [N, I, J]"""
        gaussian = self.mode == "gaussian"
        theta = (clip if gaussian else self.theta(clip)).flatten(2)  # [N, C', I]
        phi = self._pool(clip if gaussian else self.phi(clip)).flatten(2)  # [N, C', J]
        if self.mode == "concatenation":
            # w . [a, b] = w_a . a + w_b . b, so that only the result is a tensor over all pairs
            w = self.concat.weight.reshape([2, self.inner, 1])
            a, b = (w[0] * theta).sum(1), (w[1] * phi).sum(1)  # [N, I], [N, J]
            return F.relu(a.unsqueeze(2) + b.unsqueeze(1)) / b.shape[1]
        f = paddle.matmul(theta, phi, transpose_x=True)  # [N, I, J]
        if self.mode == "dot_product":
            return f / f.shape[2]
        return F.softmax(f * self.scale if self.mode == "embedded_gaussian" else f, -1)
