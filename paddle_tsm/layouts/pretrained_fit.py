"""Whether the network of a file can be the beginning of another one's training."""

from __future__ import annotations

from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.networks.network import Network


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
    if not without_classifier and given.num_classes != network.num_classes:
        raise ValueError(
            f"{path} has {given.num_classes} classes, the network to train has {network.num_classes}; wanted as many, "
            "or a new classifier: leave out `paddle-tsm train --keep-classifier` (without_classifier=True in Python)"
        )
    if given.non_local is not None:
        missing = [name for name in given.shapes() if name not in network.shapes() and ".non_local." in name]
        if missing:
            raise ValueError(
                f"{path} has non-local blocks that the network to train lacks, such as "
                f"{missing[0].rpartition('.')[0]}; wanted weights without them, or "
                f"`paddle-tsm train --set non_local={given.non_local.mode}`"
            )
