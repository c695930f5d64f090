"""A network whose re-parameterised convolutions are one convolution each: the same function, for inference alone."""

from __future__ import annotations

import numpy as np

from paddle_tsm.networks.layers import Convolution, ParallelConvolution
from paddle_tsm.networks.network import Network

EPS = 1e-5  # of every BatchNorm


def fuse_branches(network: Network, tensors: dict[str, np.ndarray]) -> tuple[Network, dict[str, np.ndarray]]:
    """The fused form of a network, and its tensors under canonical names: those that are computed are float64.

    Each branch becomes a convolution with a bias (Ioffe and Szegedy, arXiv:1502.03167, section 3.1), a smaller kernel
    stands in the middle of the largest, a BatchNorm of the input is a kernel that copies its channel, and the kernels
    are added (RepVGG, arXiv:2101.03697, section 3.3). Raises ValueError for a network that has no branches.
    """
    layers = [layer for layer in network.layers() if isinstance(layer, ParallelConvolution)]
    if not layers:
        why = "is fused already" if network.fused else "has no re-parameterised convolutions"
        raise ValueError(f"fuse: the {network.arch} {why}; wanted the training form of such a network")
    result = dict(tensors)
    for layer in layers:
        weight, bias = fused_convolution(layer, tensors)
        result |= {f"{layer.name}.weight": weight, f"{layer.name}.bias": bias}
    fused = network.with_options(fused=True)
    return fused, {name: result[name] for name in fused.shapes() if name in result}


def fused_convolution(layer: ParallelConvolution, tensors: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The weight [out, in / groups, kh, kw] and the bias [out], float64, of all branches together."""
    weight, bias = np.zeros(layer.fused.weight_shape), np.zeros(layer.fused.out_channels)
    for branch in layer.branches:
        assert branch.norm is not None, branch.name
        scale, offset = scale_and_offset(branch.norm, tensors)
        kernel = in_the_middle(tensors[f"{branch.name}.weight"].astype("float64"), layer.fused)
        weight, bias = weight + kernel * scale[:, None, None, None], bias + offset
    if layer.identity_norm is not None:
        scale, offset = scale_and_offset(layer.identity_norm, tensors)
        weight, bias = weight + copying_kernel(layer.fused) * scale[:, None, None, None], bias + offset
    return weight, bias


def scale_and_offset(norm: str, tensors: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What a BatchNorm in evaluation multiplies by and adds, float64 [C] each."""
    names = ("weight", "bias", "running_mean", "running_var")
    gamma, beta, mean, var = (tensors[f"{norm}.{name}"].astype("float64") for name in names)
    scale = gamma / np.sqrt(var + EPS)
    return scale, beta - mean * scale


def in_the_middle(kernel: np.ndarray, whole: Convolution) -> np.ndarray:
    """The kernel, [out, in / groups, k, k], with zeros around it up to the size of `whole`'s."""
    missing = [(size - own) // 2 for size, own in zip(whole.kernel, kernel.shape[2:])]
    return np.pad(kernel, [(0, 0), (0, 0), *((count, count) for count in missing)])


def copying_kernel(whole: Convolution) -> np.ndarray:
    """The kernel, [out, in / groups, kh, kw], of a convolution like `whole` that returns its input."""
    kernel, per_group = np.zeros(whole.weight_shape), whole.in_channels // whole.groups
    for channel in range(whole.out_channels):
        kernel[channel, channel % per_group, whole.kernel[0] // 2, whole.kernel[1] // 2] = 1.0
    return kernel
