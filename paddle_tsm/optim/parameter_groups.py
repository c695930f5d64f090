"""A model's parameters in TSM's groups, by the rules of `paddle_tsm.networks.parameter_group_rules`."""

from __future__ import annotations

from dataclasses import dataclass

import paddle
from paddle import nn

from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.temporal_attention import FramesLinear
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.parameter_group_rules import GROUP_RULES, GroupRule, decaying

CONVOLUTIONS = (nn.Conv2D, nn.Conv3D)


@dataclass(frozen=True)
class Member:
    """One parameter of a group, with its canonical name. transposed: PyTorch stores the parameter's transpose."""

    name: str
    parameter: paddle.Tensor
    transposed: bool = False


def layer_kinds(model: nn.Layer, fc_lr5: bool) -> list[tuple[str, nn.Layer, str]]:
    """(name, layer, kind) of every layer that has parameters of its own, in the model's order.

    The kinds are those of a GroupRule: the first convolution is the "first conv"; a Linear over frames is "temporal
    attention"; the last other Linear is the "fc", unless `fc_lr5` is off; all other convolutions and Linears are
    "normal". Raises ValueError, naming the layer, for a layer
    that no rule has a kind for.
    """
    layers = [(name, layer) for name, layer in model.named_sublayers(include_self=True) if own_parameters(layer)]
    convolutions = [layer for _, layer in layers if isinstance(layer, CONVOLUTIONS)]
    linears = [layer for _, layer in layers if isinstance(layer, nn.Linear) and not isinstance(layer, FramesLinear)]
    kinds = []
    for name, layer in layers:
        if isinstance(layer, BatchNorm):
            kind = "batch norm"
        elif not isinstance(layer, (*CONVOLUTIONS, nn.Linear)):
            raise ValueError(
                f"{name or 'the model'}: a {type(layer).__name__} with parameters of its own; wanted convolutions, "
                "Linear and BatchNorm only; give its kind a row in GROUP_RULES"
            )
        elif convolutions and layer is convolutions[0]:
            kind = "first conv"
        elif isinstance(layer, FramesLinear):
            kind = "temporal attention"
        else:
            kind = "fc" if fc_lr5 and linears and layer is linears[-1] else "normal"
        kinds.append((name, layer, kind))
    return kinds


def own_parameters(layer: nn.Layer) -> dict[str, paddle.Tensor]:
    """The layer's parameters by their names in it ("weight", "bias"), without those of its sublayers."""
    return dict(layer.named_parameters(include_sublayers=False))


def parameter_groups(
    model: nn.Layer, fc_lr5: bool = True, decays: str = "weights"
) -> list[tuple[GroupRule, list[Member]]]:
    """Each of GROUP_RULES, as `decaying` changes it, with its parameters in the model's order. A group may be empty,
    unless its rule is optional.

    Frozen parameters are members, too. Raises ValueError for a parameter that no rule covers, and for the fused form of
    a network, which is not trained.
    """
    if isinstance(model, Recognizer) and model.network.fused:
        raise ValueError(f"got a fused {model.network.arch}, which is for inference alone; wanted its training form")
    groups: list[tuple[GroupRule, list[Member]]] = [(rule, []) for rule in decaying(GROUP_RULES, decays)]
    for prefix, layer, kind in layer_kinds(model, fc_lr5):
        for tensor, parameter in own_parameters(layer).items():
            name = f"{prefix}.{tensor}" if prefix else tensor
            members = next((members for rule, members in groups if rule.layer == kind and tensor in rule.tensors), None)
            if members is None:
                raise ValueError(f"{name}: no parameter group for the {tensor} of a {kind}; wanted weight or bias")
            members.append(Member(name, parameter, isinstance(layer, nn.Linear) and tensor == "weight"))
    return [(rule, members) for rule, members in groups if members or not rule.optional]
