"""Multiply-adds of a network, which the literature calls FLOPs."""

from __future__ import annotations

import math

from paddle_tsm.networks.network import Network
from paddle_tsm.networks.non_local import NonLocalOptions


def count_flops(network: Network, size: int = 224) -> int:
    """The multiply-adds for one clip of T frames of size x size.

    They are those of the convolutions, of the classifier and of the products in the non-local blocks. mmaction2's
    figure for ResNet-50 with 8 frames, 32.88 G, also counts two for each value that a BatchNorm returns.
    """
    total = 0
    for layer in network.layers():
        if layer.name.endswith(".non_local.concat"):
            continue  # `attention_flops` counts this layer
        for product in layer.products:
            place = product.place
            stage = 1 if place.part == "stem" else place.stage
            positions = 1 if place.halvings is None else halved(size, place.halvings) ** 2
            times = 1 if place.part == "attention" else network.segments(stage)  # attention is computed once a clip
            total += times * positions * math.prod(product.weight_shape)
    if network.non_local is not None:
        total += sum(attention_flops(network, network.non_local, stage, size) for stage, _ in network.non_local.blocks)
    return total


def halved(size: int, times: int) -> int:
    """A height or width behind `times` layers of stride 2, whose padding makes each of them round up."""
    for _ in range(times):
        size = -(-size // 2)
    return size


def attention_flops(network: Network, options: NonLocalOptions, stage: int, size: int) -> int:
    """The two products of a non-local block: f(x_i, x_j) for all pairs of positions, and the sum over j."""
    edge, frames = halved(size, network.family.stage_halvings[stage - 1]), network.segments(stage)
    i = frames * edge**2
    j = frames * (edge // 2) ** 2 if options.sub_sample else i
    width = max(network.family.stream_channels(network, stage) // 2, 1)
    for_one_pair = {"gaussian": 2 * width, "concatenation": 1}.get(options.mode, width)
    return i * j * (for_one_pair + width)
