"""The bias in front of the last BatchNorm of a non-local block, which not every system has.

MIT's `W.0` has this bias, mmaction2's `conv_out` does not. A BatchNorm subtracts its running mean from what the bias
was added to. In evaluation, a network without the bias b, whose running mean is smaller by b, is therefore the same
network. The subtraction is rounded once; everything else is exact.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from paddle_tsm.networks.network import Network

BIAS = ".non_local.out.bias"  # the end of its canonical name


def out_biases(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Canonical name -> array of these biases."""
    return {name: array for name, array in tensors.items() if name.endswith(BIAS)}


def with_out_bias(network: Network, out_bias: bool) -> Network:
    """The same network with or without the bias. It must have non-local blocks."""
    assert network.non_local is not None
    return network.with_options(non_local=dataclasses.replace(network.non_local, out_bias=out_bias))


def absorb_out_bias(network: Network, tensors: dict[str, np.ndarray]) -> tuple[Network, dict[str, np.ndarray]]:
    """The network without the bias, and its tensors, in which the running means are smaller by the bias."""
    biases = out_biases(tensors)
    result = {name: array for name, array in tensors.items() if name not in biases}
    for name, bias in biases.items():
        mean = name.replace(".out.bias", ".norm.running_mean")
        result[mean] = (tensors[mean].astype("float64") - bias.astype("float64")).astype(tensors[mean].dtype)
    return with_out_bias(network, False), result


def with_zero_bias(network: Network, tensors: dict[str, np.ndarray]) -> tuple[Network, dict[str, np.ndarray]]:
    """The network with the bias, and its tensors in forward order, in which the bias is 0."""
    network = with_out_bias(network, True)
    result = {}
    for name, shape in network.shapes().items():
        if name.endswith(BIAS):
            result[name] = np.zeros(shape, tensors[name.replace("bias", "weight")].dtype)
        elif name in tensors:
            result[name] = tensors[name]
    return network, result
