"""TSM's parameter groups: which parameters learn faster, and which are not decayed."""

from dataclasses import dataclass

from paddle import nn

from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.networks.parameter_group_rules import GROUP_RULES, GroupRule

CONVOLUTIONS = (nn.Conv2D, nn.Conv3D)


@dataclass(frozen=True)
class Member:
    """One parameter: its canonical name and itself. `transposed`: stored the other way round than PyTorch does."""

    name: str
    parameter: object
    transposed: bool = False


def layer_kinds(model, fc_lr5: bool) -> list:
    """(name, layer, kind) of every layer that has parameters of its own, in the model's order.

    The first convolution is the "first conv"; the last Linear, with `fc_lr5`, is the "fc"; every other one is "normal".
    Raises ValueError, naming it, for a layer of a kind that TSM's table does not know.
    """
    layers = [(name, layer) for name, layer in model.named_sublayers(include_self=True) if own_parameters(layer)]
    convolutions = [layer for _, layer in layers if isinstance(layer, CONVOLUTIONS)]
    linears = [layer for _, layer in layers if isinstance(layer, nn.Linear)]
    kinds = []
    for name, layer in layers:
        if isinstance(layer, BatchNorm):
            kind = "batch norm"
        elif not isinstance(layer, (*CONVOLUTIONS, nn.Linear)):
            raise ValueError(
                f"{name or 'the model'}: a {type(layer).__name__} with parameters of its own; wanted convolutions, "
                "Linear and BatchNorm only; give its kind a row in the table of parameter groups"
            )
        elif convolutions and layer is convolutions[0]:
            kind = "first conv"
        else:
            kind = "fc" if fc_lr5 and linears and layer is linears[-1] else "normal"
        kinds.append((name, layer, kind))
    return kinds


def own_parameters(layer) -> dict:
    """Tensor name -> parameter of the layer itself, without those of its sublayers."""
    return dict(layer.named_parameters(include_sublayers=False))


def parameter_groups(model, fc_lr5: bool = True) -> list[tuple[GroupRule, list[Member]]]:
    """Every row of the table with its parameters in the model's order; a row may have none.

    Frozen parameters are members too. Raises ValueError for a parameter that no row, or a layer that no kind, covers.
    """
    groups = [(row, []) for row in GROUP_RULES]
    for prefix, layer, kind in layer_kinds(model, fc_lr5):
        for tensor, parameter in own_parameters(layer).items():
            name = f"{prefix}.{tensor}" if prefix else tensor
            members = next((members for row, members in groups if row.layer == kind and tensor in row.tensors), None)
            if members is None:
                raise ValueError(f"{name}: no parameter group for the {tensor} of a {kind}; wanted weight or bias")
            members.append(Member(name, parameter, isinstance(layer, nn.Linear) and tensor == "weight"))
    return groups
