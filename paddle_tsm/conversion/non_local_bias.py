"""The one tensor that two systems' non-local blocks do not share: the bias before the last BatchNorm.

MIT's `W.0` has it, mmaction2's `conv_out` has none. BatchNorm subtracts its mean from what the bias was added to, so in
evaluation a bias b is a mean smaller by b. In float32 that difference is rounded once; everything else is exact.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from paddle_tsm.networks.network import Network


def with_out_bias(network: Network, out_bias: bool) -> Network:
    """The same network with or without the bias."""
    return network.with_options(non_local=dataclasses.replace(network.non_local, out_bias=out_bias))


def absorb_out_bias(network: Network, tensors: dict[str, np.ndarray]) -> tuple[Network, dict[str, np.ndarray]]:
    """The network without the bias, its running means smaller by it."""
    result = {name: array for name, array in tensors.items() if not name.endswith(".non_local.out.bias")}
    for name, bias in tensors.items():
        if name.endswith(".non_local.out.bias"):
            mean = name.replace(".out.bias", ".norm.running_mean")
            result[mean] = (tensors[mean].astype("float64") - bias.astype("float64")).astype(tensors[mean].dtype)
    return with_out_bias(network, False), result


def with_zero_bias(network: Network, tensors: dict[str, np.ndarray]) -> tuple[Network, dict[str, np.ndarray]]:
    """The network with a bias of zeros."""
    network = with_out_bias(network, True)
    result = {}
    for name, shape in network.shapes().items():
        if name.endswith(".non_local.out.bias"):
            result[name] = np.zeros(shape, tensors[name.replace("bias", "weight")].dtype)
        elif name in tensors:
            result[name] = tensors[name]
    return network, result
