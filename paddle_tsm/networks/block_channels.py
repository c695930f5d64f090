"""What a block reads. Within a stage it may differ from block to block."""

from __future__ import annotations

from paddle_tsm.networks.layers import Linear
from paddle_tsm.networks.network import Network


def channels_read(network: Network, stage: int, block: int) -> int:
    """The channels of what a block reads. Raises ValueError for one whose residual branch has no convolution."""
    for layer in network.layers():
        if (layer.place.part, layer.place.stage, layer.place.block) == ("branch", stage, block):
            first = layer.products[0]
            assert not isinstance(first, Linear), first.name
            return first.in_channels
    name = network.family.block_name(stage, block)
    raise ValueError(f"{name}: got a block without a convolution in its residual branch, wanted one or more")
