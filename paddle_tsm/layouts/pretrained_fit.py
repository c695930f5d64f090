"""Whether the network of a file can be the beginning of another one's training."""

from __future__ import annotations

import numpy as np

from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.networks.network import Network

PICTURE = Network.in_channels  # the channels of a picture, and so of a first convolution that fits any other input


def check_fits(found: NetworkFile, network: Network, without_classifier: bool) -> None:
    """Raise ValueError, which says both and what to do, where the tensors of `found` are not those of `network`.

    without_classifier: the numbers of classes may differ. Non-local blocks may be missing from the file.
    """
    path, given = found.checkpoint.path, found.network
    if given.arch != network.arch:
        raise ValueError(
            f"{path} holds the weights of a {given.arch} (layout {found.layout.name}), the network to train is a "
            f"{network.arch}; wanted weights of a {network.arch}, or `paddle-tsm train --set arch={given.arch}`"
        )
    if given.fused and not network.fused:
        raise ValueError(
            f"{path} holds the fused form of a {given.arch}, which is for inference alone, and no weights follow from "
            "it for the branches; wanted the file that it was fused from"
        )
    if network.fused and not given.fused:
        raise ValueError(
            f"{path} holds the training form of a {given.arch}, and the network is the fused one; wanted the file that "
            "`paddle-tsm convert --fuse` makes of it"
        )
    if not without_classifier and given.num_classes != network.num_classes:
        raise ValueError(
            f"{path} has {given.num_classes} classes, the network to train has {network.num_classes}; wanted as many, "
            "or a new classifier: leave out `paddle-tsm train --keep-classifier` (without_classifier=True in Python)"
        )
    if given.in_channels not in (network.in_channels, PICTURE):
        raise ValueError(
            f"{path} takes {given.in_channels} input channels, the network to train takes {network.in_channels}; "
            f"wanted as many, or weights of a network of pictures, with {PICTURE}"
        )
    if given.non_local is not None:
        missing = [name for name in given.shapes() if name not in network.shapes() and ".non_local." in name]
        if missing:
            raise ValueError(
                f"{path} has non-local blocks that the network to train lacks, such as "
                f"{missing[0].rpartition('.')[0]}; wanted weights without them, or "
                f"`paddle-tsm train --set non_local={given.non_local.mode}`"
            )


def stem_weights(network: Network) -> tuple[str, ...]:
    """The names of the weights that the input goes into: that of the first convolution, or of each of its branches."""
    first = next(network.layers())
    return tuple(f"{product.name}.weight" for product in first.products)


def with_stem_for(network: Network, given: Network, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of `given` for the input of `network`.

    Where `network` takes another number of channels, the first convolution's weights become their mean over the
    channels, the same for each channel: so MIT begins the training of a flow network from one of pictures
    (ops/models.py 1f6a834, `_construct_flow_model`).
    """
    if network.in_channels == given.in_channels:
        return tensors
    means = {name: tensors[name].mean(axis=1, keepdims=True) for name in stem_weights(given)}
    return tensors | {name: np.repeat(mean, network.in_channels, axis=1) for name, mean in means.items()}
