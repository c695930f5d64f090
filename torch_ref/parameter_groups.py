"""A network's parameters in TSM's groups, by the rules of `paddle_tsm.networks.parameter_group_rules`."""

from torch import nn

from paddle_tsm.networks.parameter_group_rules import GROUP_RULES


def kinds_of_layers(model, fc_lr5: bool = True) -> dict[str, str]:
    """The name of each layer that has parameters of its own -> its kind, as the rules call it; in the model's order.

    Raises ValueError, naming it, for a layer that is no convolution, Linear or BatchNorm.
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
            case nn.Linear():
                kinds[name], last_linear = "normal", name
            case _:
                raise ValueError(
                    f"{name or 'the model'}: a {type(layer).__name__} with parameters of its own; wanted only "
                    "convolutions, Linear and BatchNorm, the layers that TSM has a parameter group for"
                )
    return kinds | ({last_linear: "fc"} if fc_lr5 and last_linear is not None else {})


def parameter_groups(model, fc_lr5: bool = True) -> list[dict]:
    """One dict for each rule, in their order: name, names (canonical), params, lr_multiplier, decay_multiplier.

    The parameters of a group come in the model's order; frozen ones belong to it too, and a group may be empty.
    Raises ValueError for a parameter that no rule takes.
    """
    groups = [
        {"name": rule.name, "names": [], "params": [], "lr_multiplier": rule.lr, "decay_multiplier": rule.decay}
        for rule in GROUP_RULES
    ]
    kinds = kinds_of_layers(model, fc_lr5)
    for name, parameter in model.named_parameters():
        layer, _, tensor = name.rpartition(".")
        takers = [
            group for rule, group in zip(GROUP_RULES, groups) if rule.layer == kinds[layer] and tensor in rule.tensors
        ]
        if not takers:
            raise ValueError(f"{name}: no parameter group takes the {tensor} of a {kinds[layer]}, only weight and bias")
        takers[0]["names"].append(name)
        takers[0]["params"].append(parameter)
    return groups
