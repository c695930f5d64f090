"""A BatchNorm fused into the convolution in front of it."""

from __future__ import annotations

import numpy as np
from paddle import nn


def fuse(convolution: nn.Conv2D, norm: nn.Layer | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The weight [out, in / groups, kh, kw] and the bias [out], float64, of a convolution and the BatchNorm (in
    evaluation) behind it.

    scale = gamma / sqrt(var + eps),   weight' = weight * scale,   bias' = (bias - mean) * scale + beta

    This is exact in float64; the caller rounds once, to the network's own type.
    """
    weight = convolution.weight.numpy().astype("float64")
    bias = np.zeros(len(weight)) if convolution.bias is None else convolution.bias.numpy().astype("float64")
    if norm is None:
        return weight, bias
    tensors = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    gamma, beta, mean, var = (tensor.numpy().astype("float64") for tensor in tensors)
    scale = gamma / np.sqrt(var + norm.eps)
    return weight * scale.reshape(-1, 1, 1, 1), (bias - mean) * scale + beta
