"""The stages of a network, as the report names them."""

from __future__ import annotations

from paddle_tsm.networks.network import Network


def tensors_by_stage(network: Network) -> dict[str, list[str]]:
    """Stage -> the names of its tensors, both in forward order.

    The stages are stem, layer1, ..., classifier; MobileNetV2 has "last conv" in front of its classifier, and MobileOne
    has stage0, stage1, ..., classifier.
    """
    stages: dict[str, list[str]] = {}
    behind_the_stem = False
    for tensor in network.tensors():
        if tensor.stage is not None:
            stage, behind_the_stem = network.family.stage_name(tensor.stage), True
        elif tensor.name.startswith(f"{network.classifier}."):
            stage = "classifier"
        else:
            stage = "last conv" if behind_the_stem else "stem"
        stages.setdefault(stage, []).append(tensor.name)
    return stages
