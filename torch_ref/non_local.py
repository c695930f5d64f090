"""The non-local block over space and time, as the equations of Wang et al., arXiv:1711.07971, define it."""

import torch
from torch import nn
from torch.nn import functional as F

from paddle_tsm.networks.non_local import NonLocalOptions
from torch_ref.batch_norm import BatchNorm


class NonLocal(nn.Module):
    """z_i = W_z y_i + x_i,   y_i = 1 / C(x) sum_j f(x_i, x_j) g(x_j)   (equations 1 and 6; W_z ends in a BatchNorm).

    i runs over all J' = T*H*W positions of a clip. So does j; with `sub_sample` it runs over the J = T*(H/2)*(W/2)
    maxima of 2x2 neighbours (section 3.3). theta, phi and g are linear maps from C to C' = C/2 channels. The modes
    (section 3.2):

        gaussian           f = exp(x_i . x_j),              C = sum_j f        (equation 2)
        embedded_gaussian  f = exp(theta_i . phi_j),        C = sum_j f        (equation 3)
        dot_product        f = theta_i . phi_j,             C = J              (equation 4)
        concatenation      f = ReLU(w . [theta_i, phi_j]),  C = J              (equation 5)

    With `use_scale`, embedded_gaussian divides the product by sqrt(C'), as in mmcv cnn/bricks/non_local.py a8073c7.
    x: [N*T, C, H, W], T = `frames`; returns the same shape. options: NonLocalOptions.
    """

    def __init__(self, channels: int, frames: int, options: NonLocalOptions, running_var: str):
        super().__init__()
        self.frames, self.options = frames, options
        embedded = max(channels // 2, 1)
        linear_maps = ("g",) if options.mode == "gaussian" else ("g", "theta", "phi")
        for linear_map in linear_maps:
            self.add_module(linear_map, nn.Conv3d(channels, embedded, kernel_size=1))
        if options.mode == "concatenation":
            self.concat = nn.Conv2d(2 * embedded, 1, kernel_size=1, bias=False)  # holds w; see `affinity`
        self.out = nn.Conv3d(embedded, channels, kernel_size=1, bias=options.out_bias)
        self.norm = BatchNorm(channels, running_var=running_var)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        clips = x.unflatten(0, (-1, self.frames)).movedim(2, 1)  # [N, C, T, H, W]
        g = self.attended(self.g(clips))
        y = torch.einsum("nij,ncj->nci", self.affinity(clips), g).unflatten(2, clips.shape[2:])  # [N, C', T, H, W]
        z = self.norm(self.out(y).flatten(3)).view_as(clips) + clips
        return z.movedim(1, 2).flatten(0, 1)

    def attended(self, values: torch.Tensor) -> torch.Tensor:
        """The values at the positions j: [N, C', T, H, W] -> [N, C', J]"""
        return (F.max_pool3d(values, (1, 2, 2)) if self.options.sub_sample else values).flatten(2)

    def affinity(self, clips: torch.Tensor) -> torch.Tensor:
        """f(x_i, x_j) / C(x): [N, J', J]"""
        mode = self.options.mode
        theta, phi = (clips, clips) if mode == "gaussian" else (self.theta(clips), self.phi(clips))
        theta, phi = theta.flatten(2), self.attended(phi)
        if mode == "concatenation":
            w_theta, w_phi = self.concat.weight.flatten().chunk(2)  # w . [a, b] = w_theta . a + w_phi . b
            of_i, of_j = torch.einsum("c,nci->ni", w_theta, theta), torch.einsum("c,ncj->nj", w_phi, phi)
            return F.relu(of_i[:, :, None] + of_j[:, None, :]) / phi.shape[2]
        product = torch.einsum("nci,ncj->nij", theta, phi)
        if mode == "dot_product":
            return product / phi.shape[2]
        if mode == "embedded_gaussian" and self.options.use_scale:
            product = product / theta.shape[1] ** 0.5
        return product.softmax(dim=2)
