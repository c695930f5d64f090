"""The names of a network's layers, in both packages the same: what stands in front of the names of its tensors."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from paddle_tsm.networks.network import Network

NEAREST = 3  # names that an error suggests


def layer_names(network: Network) -> list[str]:
    """Every layer that has tensors, and every layer around one, such as a block, in forward order.

    >>> layer_names(Network("tsm_resnet18"))[:6]
    ['conv1', 'bn1', 'layer1', 'layer1.0', 'layer1.0.conv1', 'layer1.0.bn1']
    """
    names: dict[str, None] = {}
    for tensor in network.shapes():
        parts = tensor.split(".")[:-1]
        names |= dict.fromkeys(".".join(parts[: end + 1]) for end in range(len(parts)))
    return list(names)


def check_layer_name(name: str, network: Network, stages: Iterable[str]) -> None:
    """Raise ValueError, which names the nearest names, unless `name` is a layer's or one of `stages`."""
    known = [*stages, *layer_names(network)]
    if name not in known:
        nearest = get_close_matches(name, list(dict.fromkeys(known)), NEAREST, cutoff=0.0)
        raise ValueError(f"layer: got {name!r}, which {network.arch} does not have; the nearest: {', '.join(nearest)}")
