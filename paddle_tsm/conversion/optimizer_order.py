"""In which order a PyTorch optimizer numbers a network's parameters.

torch.optim numbers parameters group by group; within a group, each system lists them in the order of its modules. The
groups are those of mmaction2's tsm_optim_wrapper_constructor.py (4d6c934) and of MIT's ops/models.py
`get_optim_policies` (1f6a834): which BatchNorms are trained, and whether the classifier has groups of its own, is the
training's choice and is seen from the groups' sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

from paddle_tsm.layouts.key_table import expand, is_step_counter
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.networks.network import Network

# which BatchNorms an optimizer has -> what says so
NORMS = {
    "all": "every BatchNorm",
    "first": "the first BatchNorm only",
    "first and non-local": "the first BatchNorm and the non-local blocks'",
    "none": "no BatchNorm",
}
CUSTOM = 5  # the place of MIT's group of custom operations, which is always empty


@dataclass(frozen=True)
class Order:
    """One way in which a network's parameters are numbered. `grouping` and `norms` say it in words; `groups` are the
    canonical names of each group, of which some are empty."""

    grouping: str
    norms: str
    groups: tuple[tuple[str, ...], ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Parameters in each group."""
        return tuple(map(len, self.groups))

    @property
    def names(self) -> tuple[str, ...]:
        """The canonical names, as the optimizer numbers them."""
        return tuple(name for group in self.groups for name in group)


def possible_orders(found: NetworkFile) -> list[Order]:
    """Every order that mmaction2, MIT or a plain torch.optim gives this network's parameters; no two have the same
    groups.
    """
    orders: dict[tuple, Order] = {}
    for names in dict.fromkeys([module_order(found.layout, found.network), order_in_file(found)]):
        for norms, which in NORMS.items():
            kept = with_norms(found.network, names, norms)
            for groups, text in groupings(found.network, kept):
                orders.setdefault(groups, Order(text, which, groups))
    return list(orders.values())


def groupings(network: Network, names: tuple[str, ...]):
    """Yield (groups, what they are) of every way in which these parameters are grouped."""
    yield (names,), "one group"
    yield tuple((name,) for name in names), "one group a parameter"
    for fc_lr5 in (True, False):
        seven = tsm_groups(network, names, fc_lr5)
        suffix = "" if fc_lr5 else " without fc_lr5"
        yield seven, f"mmaction2's groups{suffix}"
        yield (*seven[:CUSTOM], (), *seven[CUSTOM:]), f"MIT's groups{suffix}"


def tsm_groups(network: Network, names: tuple[str, ...], fc_lr5: bool) -> tuple[tuple[str, ...], ...]:
    """TSM's groups: the first convolution's weight, its bias, weights, biases, BatchNorms, and, with `fc_lr5`, the
    classifier's weight and its bias, which are among the others without it."""
    norms = norm_layers(network)
    groups: tuple[list[str], ...] = ([], [], [], [], [], [], [])
    for name in names:
        layer, kind = name.rsplit(".", 1)
        if layer in norms:
            place = 4
        elif layer == network.classifier and fc_lr5:
            place = 5 if kind == "weight" else 6
        elif name == names[0]:
            place = 0
        else:
            place = 2 if kind == "weight" else 3
        groups[place].append(name)
    return tuple(map(tuple, groups))


def norm_layers(network: Network) -> list[str]:
    """The canonical names of the BatchNorms, in forward order."""
    return [name.removesuffix(".running_mean") for name in network.shapes() if name.endswith(".running_mean")]


def with_norms(network: Network, names: tuple[str, ...], which: str) -> tuple[str, ...]:
    """The names without the parameters of the BatchNorms that are not trained; `which` is a key of NORMS."""
    norms = norm_layers(network)
    trained = {
        "all": norms,
        "first": norms[:1],
        "first and non-local": [layer for layer in norms if layer == norms[0] or ".non_local." in layer],
        "none": [],
    }[which]
    frozen = set(norms) - set(trained)
    return tuple(name for name in names if name.rsplit(".", 1)[0] not in frozen)


def trained_names(network: Network) -> tuple[str, ...]:
    """The canonical names of everything that can be trained, in forward order."""
    return tuple(name for name in network.shapes() if ".running_" not in name and not is_step_counter(name))


def module_order(layout: Layout, network: Network) -> tuple[str, ...]:
    """The trained tensors in the order of the system's modules.

    That is the forward order, but in the non-local blocks of MIT (ops/non_local.py) and of mmaction2 (mmcv's
    cnn/bricks/non_local.py), which have the output's convolution and BatchNorm right behind g.
    """
    names = trained_names(network)
    if not layout.non_local_output_behind_g:
        return names
    late = ("theta", "phi", "concat")
    ordered: list[str] = []
    waiting: list[str] = []
    for name in names:
        block, _, layer = name.partition(".non_local.")
        if waiting and not (layer and waiting[0].startswith(f"{block}.")):
            ordered += waiting
            waiting = []
        (waiting if layer.startswith(late) else ordered).append(name)
    return (*ordered, *waiting)


def order_in_file(found: NetworkFile) -> tuple[str, ...]:
    """The trained tensors in the order in which the file lists their layers: PyTorch writes modules in their own order.

    Forward order where the file lists other tensors than the network has.
    """
    entries = [entry for entry in expand(found.layout, found.network) if entry.canonical in found.tensors]
    keys = list(found.checkpoint.tensors)
    if len(keys) != len(entries):
        return trained_names(found.network)
    # a prefix that all keys share does not change their order among themselves
    names = dict(zip(sorted(keys), (entry.canonical for entry in sorted(entries, key=lambda entry: entry.key))))
    trained = set(trained_names(found.network))
    layers = dict.fromkeys(names[key].rsplit(".", 1)[0] for key in keys)
    return tuple(f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias") if f"{layer}.{kind}" in trained)
