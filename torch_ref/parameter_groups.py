"""The parameters of a network in TSM's groups, by the rules in `paddle_tsm.networks.parameter_group_rules`."""

from typing import Any

from torch import nn

from paddle_tsm.networks.parameter_group_rules import GROUP_RULES, decaying
from torch_ref.recognizer import Recognizer
from torch_ref.temporal_attention import OverFrames


def kinds_of_layers(model: nn.Module, fc_lr5: bool = True) -> dict[str, str]:
    """layer's name -> its kind in the rules, for each layer that has parameters of its own, in the model's order.

    Raises ValueError, which names the layer, for one that is no convolution, Linear or BatchNorm.
    """
    kinds, last_linear = {}, None
    for name, layer in model.named_modules():
        if not any(True for _ in layer.parameters(recurse=False)):
            continue
        match layer:
            case nn.BatchNorm2d():
                kinds[name] = "batch norm"
            case nn.Conv2d() | nn.Conv3d():
                kinds[name] = "normal" if "first conv" in kinds.values() else "first conv"
            case OverFrames():
                kinds[name] = "temporal attention"
            case nn.Linear():
                kinds[name], last_linear = "normal", name
            case _:
                raise ValueError(
                    f"{name or 'the model'}: a {type(layer).__name__} with parameters of its own; wanted only "
                    "convolutions, Linear and BatchNorm, the layers that TSM has a parameter group for"
                )
    return kinds | ({last_linear: "fc"} if fc_lr5 and last_linear is not None else {})


def parameter_groups(model: nn.Module, fc_lr5: bool = True, decays: str = "weights") -> list[dict[str, Any]]:
    """A dict for each rule, in their order: name, names (canonical), params, lr_multiplier, decay_multiplier.

    The parameters of a group are in the model's order, frozen ones among them. The group of a rule that is not optional
    may be empty. decays: what has weight decay beside the weights, see `decaying`. Raises ValueError for a parameter
    that no rule takes, and for a network whose branches are fused: it is not trained.
    """
    if isinstance(model, Recognizer) and model.network.fused:
        raise ValueError(f"the {model.network.arch} is fused, for inference alone; wanted its training form")
    rules = decaying(GROUP_RULES, decays)
    groups: list[dict[str, Any]] = [
        {"name": rule.name, "names": [], "params": [], "lr_multiplier": rule.lr, "decay_multiplier": rule.decay}
        for rule in rules
    ]
    kinds = kinds_of_layers(model, fc_lr5)
    for name, parameter in model.named_parameters():
        layer, _, tensor = name.rpartition(".")
        takers = [group for rule, group in zip(rules, groups) if rule.layer == kinds[layer] and tensor in rule.tensors]
        if not takers:
            raise ValueError(f"{name}: no parameter group takes the {tensor} of a {kinds[layer]}, only weight and bias")
        takers[0]["names"].append(name)
        takers[0]["params"].append(parameter)
    return [group for rule, group in zip(rules, groups) if group["names"] or not rule.optional]
