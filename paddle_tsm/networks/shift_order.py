"""A past-first network and a future-first network are one network with two folds of channels exchanged.

Let P exchange the first two folds. Then P(past_first(x)) = future_first(P(x)). So a network that shifts past-first
equals one that shifts future-first, if these folds are exchanged in every residual stream: in the output channels of
every layer that writes a stream, and in the input channels of every layer that reads one. P is its own inverse, and so
is the exchange.
"""

from __future__ import annotations

import numpy as np

from paddle_tsm.networks.network import Network


def exchanged_channels(channels: int, shift_div: int) -> np.ndarray:
    """The order of channels with the first two folds exchanged: int [channels].

    Raises ValueError where the two folds of Paddle's operator have different widths (see `fold_ends` in
    `paddle_tsm.models.layers.shift`): then there is no exact conversion.
    """
    first_end, second_end = channels // shift_div, 2 * channels // shift_div
    if second_end != 2 * first_end:
        raise ValueError(
            f"shift_order: of {channels} channels, shift_div {shift_div} shifts {first_end} and "
            f"{second_end - first_end} past-first, but {first_end} and {first_end} future-first: there is no exact "
            "conversion"
        )
    return np.concatenate([np.arange(first_end, second_end), np.arange(first_end), np.arange(second_end, channels)])


def exchange_folds(network: Network, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of the same network under the other of the two shift orders.

    Raises the error of `exchanged_channels`.
    """
    axes = {tensor.name: tensor.stream_axes for tensor in network.tensors()}
    result = dict(tensors)
    for name, array in tensors.items():
        for axis in axes.get(name, ()):
            result[name] = np.take(result[name], exchanged_channels(array.shape[axis], network.shift_div), axis)
    return result


def network_in_order(network: Network, order: str) -> Network:
    """The same network under another shift order; its tensors are not needed to know whether there is one.

    Raises ValueError where there is none: the causal network is another network, some widths cannot be exchanged, and
    no weights exchange the channels of the input.
    """
    if has_order(network, order):
        return network.with_options(shift_order=order)
    if "causal" in (order, network.shift_order):
        advice = (
            "which `paddle-tsm train --set shift_order=causal` trains"
            if order == "causal"
            else "which runs as causal only"
        )
        raise ValueError(
            f"shift_order: got {order!r} for a {network.shift_order} network; the online network is another network, "
            + advice
        )
    other = network.with_options(shift_order=order)
    moved = moved_input_channels(network)
    if moved:
        raise ValueError(
            f"shift_order: got {order!r} for a {network.shift_order} network whose first block shifts {moved} of the "
            f"{network.in_channels} channels of its input; wanted {network.shift_order!r}: no weights exchange those"
        )
    widths = [tensor.shape[axis] for tensor in network.tensors() for axis in tensor.stream_axes]
    for channels in dict.fromkeys(widths):
        exchanged_channels(channels, network.shift_div)
    return other


def usual_order(network: Network) -> str:
    """The shift order in which a network is run and written where nobody asks for one: future_first, where there is an
    exact conversion to it; else the network's own.
    """
    try:
        return network_in_order(network, "future_first").shift_order
    except ValueError:
        return network.shift_order


def moved_input_channels(network: Network) -> int:
    """How many channels of the input itself move, in the order in which more of them do. A stem never shifts."""
    place = next(network.layers()).place
    if place.stage is None or place.block is None or not network.shifts(place.stage, place.block):
        return 0
    return 2 * network.in_channels // network.shift_div


def in_order(network: Network, tensors: dict[str, np.ndarray], order: str) -> tuple[Network, dict[str, np.ndarray]]:
    """The same network and its tensors under another shift order. Raises the errors of `network_in_order`."""
    other = network_in_order(network, order)
    return other, tensors if has_order(network, order) else exchange_folds(network, tensors)


def has_order(network: Network, order: str) -> bool:
    """Whether the tensors of a network are the same under `order`: it is the network's own, or nothing shifts."""
    return order == network.shift_order or not network.is_shift
