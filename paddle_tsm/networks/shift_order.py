"""Past-first and future-first networks are one network with two folds of channels exchanged.

Let P exchange the first two folds. P(past_first(x)) = future_first(P(x)), so a network that shifts past-first equals
one that shifts future-first whose residual streams have these folds exchanged: in everything that writes a stream (its
output channels) and everything that reads one (its input channels). P is its own inverse, and so is the exchange.
"""

from __future__ import annotations

import numpy as np

from paddle_tsm.networks.network import Network


def exchanged_channels(channels: int, shift_div: int) -> np.ndarray:
    """The order of channels with the first two folds exchanged.

    Raises ValueError where Paddle's operator gives the second fold another width than the first.
    """
    first, second = (
        channels // shift_div,
        2 * channels // shift_div,
    )  # paddle_tsm.models.layers.shift.fold_ends, past_first
    if second != 2 * first:
        raise ValueError(
            f"shift_order: of {channels} channels, shift_div {shift_div} shifts {first} and {second - first} past-first, "
            f"but {first} and {first} future-first: there is no exact conversion"
        )
    return np.concatenate([np.arange(first, second), np.arange(first), np.arange(second, channels)])


def exchange_folds(network: Network, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of the same network under the other of the two shift orders. Raises ValueError as
    `exchanged_channels` does.
    """
    axes = {tensor.name: tensor.stream_axes for tensor in network.tensors()}
    result = dict(tensors)
    for name, array in tensors.items():
        for axis in axes.get(name, ()):
            result[name] = np.take(result[name], exchanged_channels(array.shape[axis], network.shift_div), axis)
    return result


def in_order(network: Network, tensors: dict[str, np.ndarray], order: str) -> tuple[Network, dict[str, np.ndarray]]:
    """The same network and its tensors under another shift order.

    Raises ValueError where there is none: the causal network is another network.
    """
    if order == network.shift_order or not network.is_shift:
        return network.with_options(shift_order=order), tensors
    if "causal" in (order, network.shift_order):
        raise ValueError(
            f"shift_order: got {order!r} for a {network.shift_order} network; the online network is another network, "
            + (
                "which `paddle-tsm train --set shift_order=causal` trains"
                if order == "causal"
                else "which runs as causal only"
            )
        )
    return network.with_options(shift_order=order), exchange_folds(network, tensors)
