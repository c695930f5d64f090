"""Multiply-adds of a network, which the literature calls FLOPs."""

from __future__ import annotations

import math

from paddle_tsm.network import Network

# Height and width of a layer's output over those of the input, as a power of two: ResNet's stages, MobileNetV2's blocks
RESNET_SCALE = {1: 2, 2: 3, 3: 4, 4: 5}
MOBILENET_SCALE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 5, 7: 5}


def count_flops(network: Network, size: int = 224) -> int:
    """Multiply-adds of the convolutions, the classifier and the non-local products for one clip of T frames of
    size x size. mmaction2's figure for ResNet-50 with 8 frames, 32.88 G, counts the BatchNorms too (two per value)."""
    total = 0
    for tensor in network.tensors():
        if len(tensor.shape) >= 2:
            frames = network.num_segments // (2 if network.temporal_pool and in_pooled_part(network, tensor) else 1)
            total += frames * math.prod(tensor.shape) * positions(network, tensor, size)
    return total + sum(
        attention_flops(network, place, size) for place in (network.non_local.blocks if network.non_local else ())
    )


def in_pooled_part(network: Network, tensor) -> bool:
    """Whether the tensor belongs to what runs behind the temporal pool: all but the stem and the first stage."""
    if tensor.stage is None:
        return tensor.name.startswith((network.classifier, "features.18"))
    return tensor.stage > 1


def side(size: int, power: int) -> int:
    """Height or width after `power` layers of stride 2, each with padding that rounds up."""
    for _ in range(power):
        size = -(-size // 2)
    return size


def positions(network: Network, tensor, size: int) -> int:
    """Positions of one frame at which the tensor is applied."""
    mobile = network.family == "mobilenet_v2"
    if tensor.name.startswith(network.classifier):
        return 1
    if tensor.stage is None:
        return side(size, 5 if tensor.name.startswith("features.18") else 1) ** 2
    power = (MOBILENET_SCALE if mobile else RESNET_SCALE)[tensor.stage]
    if ".non_local." in tensor.name:
        # concatenation's projection is counted with the products
        return 0 if ".concat." in tensor.name else side(size, power) ** 2
    enters = tensor.block == 0 and (tensor.stage in (2, 3, 4, 6) if mobile else tensor.stage > 1)
    before = ".conv.0.0." in tensor.name if mobile else ".conv1." in tensor.name and network.expansion == 4
    return side(size, power - 1 if enters and before else power) ** 2


def attention_flops(network: Network, place: tuple[int, int], size: int) -> int:
    """The two products of a non-local block: f(x_i, x_j) for all pairs, and the sum over j."""
    stage, _ = place
    edge = side(size, (MOBILENET_SCALE if network.family == "mobilenet_v2" else RESNET_SCALE)[stage])
    frames = network.num_segments // (2 if network.temporal_pool and stage > 1 else 1)
    i = frames * edge**2
    j = frames * (edge // 2) ** 2 if network.non_local.sub_sample else i
    width = next(
        t.shape[0] for t in network.tensors() if (t.stage, t.block) == place and t.name.endswith("non_local.g.weight")
    )
    pairs = 2 * width if network.non_local.mode == "gaussian" else width
    return i * j * ((1 if network.non_local.mode == "concatenation" else pairs) + width)
