"""The non-local block over space and time (Wang et al., arXiv:1711.07971, section 3)."""

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.layers.batch_norm import BatchNorm


class NonLocal(nn.Layer):
    """x + BN(out(y)),   y_i = sum_j f(x_i, x_j) g(x_j),   i and j over all frames and positions of a clip.

    f is the softmax over j of theta(x_i) . phi(x_j) (embedded_gaussian; gaussian: of x_i . x_j), or theta(x_i) .
    phi(x_j) / J (dot_product), or relu(w . [theta(x_i), phi(x_j)]) / J (concatenation), J the number of positions j. x:
    [N*T, C, H, W], T = num_segments; returns the same shape. `options`: NonLocalOptions. Source: MIT ops/non_local.py
    1f6a834; mmcv cnn/bricks/non_local.py a8073c7 `NonLocal3d`.
    """

    def __init__(self, channels: int, num_segments: int, options, running_var: str):
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
        self.norm.weight.set_value(paddle.zeros_like(self.norm.weight))  # the block starts as the identity

    def forward(self, x):
        _, c, h, w = x.shape
        clip = x.reshape([-1, self.num_segments, c, h, w]).transpose([0, 2, 1, 3, 4])  # [N, C, T, H, W]
        g = self._pool(self.g(clip)).flatten(2).transpose([0, 2, 1])  # [N, J, C']
        y = paddle.matmul(self._pairwise(clip), g).transpose([0, 2, 1])  # [N, C', I]
        y = self.out(y.reshape([-1, self.inner, self.num_segments, h, w]))  # [N, C, T, H, W]
        y = self.norm(y.reshape([-1, c, self.num_segments, h * w]))  # BatchNorm takes four axes
        y = y.reshape([-1, c, self.num_segments, h, w]).transpose([0, 2, 1, 3, 4])  # [N, T, C, H, W]
        return x + y.reshape([-1, c, h, w])

    def _pool(self, clip):
        return F.max_pool3d(clip, (1, 2, 2), stride=(1, 2, 2)) if self.sub_sample else clip

    def _pairwise(self, clip):
        """f(x_i, x_j): [N, I, J]"""
        gaussian = self.mode == "gaussian"
        theta = (clip if gaussian else self.theta(clip)).flatten(2)  # [N, C', I]
        phi = self._pool(clip if gaussian else self.phi(clip)).flatten(2)  # [N, C', J]
        if self.mode == "concatenation":
            # w . [a, b] is w_a . a + w_b . b: no tensor over all pairs but the result
            w = self.concat.weight.reshape([2, self.inner, 1])
            a, b = (w[0] * theta).sum(1), (w[1] * phi).sum(1)  # [N, I], [N, J]
            return F.relu(a.unsqueeze(2) + b.unsqueeze(1)) / b.shape[1]
        f = paddle.matmul(theta, phi, transpose_x=True)  # [N, I, J]
        if self.mode == "dot_product":
            return f / f.shape[2]
        return F.softmax(f * self.scale if self.mode == "embedded_gaussian" else f, -1)
