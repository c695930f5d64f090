"""The orders in which a PyTorch optimizer may number a network's parameters.

torch.optim numbers parameters group by group, and within a group each system lists them in the order of its modules.
The groups are those of mmaction2's tsm_optim_wrapper_constructor.py (4d6c934) and of MIT's ops/models.py
`get_optim_policies` (1f6a834). A training chooses which BatchNorms it trains, and whether the classifier has groups of
its own; the sizes of a file's groups tell its choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from paddle_tsm.layouts.key_table import expand, is_step_counter
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.networks.network import Network

CUSTOM_OPERATIONS = 5  # the place of MIT's group for custom operations, which is always empty


@dataclass(frozen=True)
class Order:
    """One order in which an optimizer numbers a network's parameters.

    grouping, norms: in words, how the parameters are grouped and which BatchNorms are among them. groups: the canonical
    names in each group, of which some are empty.
    """

    grouping: str
    norms: str
    groups: tuple[tuple[str, ...], ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of parameters in each group."""
        return tuple(map(len, self.groups))

    @property
    def names(self) -> tuple[str, ...]:
        """The canonical names in the order of the optimizer's numbers."""
        return tuple(name for group in self.groups for name in group)


def possible_orders(found: NetworkFile) -> list[Order]:
    """Every order that mmaction2, MIT or a plain torch.optim gives this network's parameters; no two are the same."""
    orders: dict[tuple, Order] = {}
    for names in dict.fromkeys([module_order(found.layout, found.network), order_in_file(found)]):
        for norms, left_out in untrained_norms(found.network).items():
            trained = tuple(name for name in names if name.rsplit(".", 1)[0] not in left_out)
            for groups, grouping in groupings(found.network, trained):
                orders.setdefault(groups, Order(grouping, norms, groups))
    return list(orders.values())


def groupings(network: Network, names: tuple[str, ...]) -> Iterator[tuple[tuple[tuple[str, ...], ...], str]]:
    """Yield (groups, the grouping in words) for every way in which these parameters may be grouped."""
    yield (names,), "one group"
    yield tuple((name,) for name in names), "one group a parameter"
    for fc_lr5 in (True, False):
        seven = tsm_groups(network, names, fc_lr5)
        suffix = "" if fc_lr5 else " without fc_lr5"
        yield seven, f"mmaction2's groups{suffix}"
        yield (*seven[:CUSTOM_OPERATIONS], (), *seven[CUSTOM_OPERATIONS:]), f"MIT's groups{suffix}"


def tsm_groups(network: Network, names: tuple[str, ...], fc_lr5: bool) -> tuple[tuple[str, ...], ...]:
    """TSM's seven groups, in the order of GROUP_RULES.

    They are the first convolution's weight and bias, other weights and biases, BatchNorms, and the classifier's weight
    and bias. Without `fc_lr5` the classifier is among the others, and its two groups are empty.
    """
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


def untrained_norms(network: Network) -> dict[str, set[str]]:
    """Each choice of BatchNorms to train, in words -> the names of the BatchNorms that the optimizer leaves out."""
    norms = norm_layers(network)
    non_local = {layer for layer in norms if ".non_local." in layer}
    return {
        "every BatchNorm": set(),
        "the first BatchNorm only": set(norms[1:]),  # MIT's partial BatchNorm
        "the first BatchNorm and the non-local blocks'": set(norms[1:]) - non_local,
        "no BatchNorm": set(norms),
    }


def trained_names(network: Network) -> tuple[str, ...]:
    """The canonical names of all tensors that can be trained, in forward order."""
    return tuple(name for name in network.shapes() if ".running_" not in name and not is_step_counter(name))


def module_order(layout: Layout, network: Network) -> tuple[str, ...]:
    """The trained tensors' names in the order of the system's modules.

    It is the forward order except in two kinds of block. In non-local ones, MIT (ops/non_local.py) and mmaction2
    (mmcv's cnn/bricks/non_local.py) have the output's convolution and BatchNorm right behind g. In MobileOne's,
    mmaction2 has squeeze and excitation first (mmpretrain backbones/mobileone.py).
    """
    names = trained_names(network)
    if layout.excitation_first:
        names = with_excitation_first(names)
    if not layout.non_local_output_behind_g:
        return names
    late = ("theta", "phi", "concat")
    ordered: list[str] = []
    waiting: list[str] = []  # the late layers of one block
    for name in names:
        block, _, layer = name.partition(".non_local.")
        if waiting and not (layer and waiting[0].startswith(f"{block}.")):
            ordered += waiting
            waiting = []
        (waiting if layer.startswith(late) else ordered).append(name)
    return (*ordered, *waiting)


def with_excitation_first(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names with those of squeeze and excitation in front of their block's others."""
    excited = {name.partition(".se.")[0] for name in names if ".se." in name}

    def block_of(name: str) -> str:
        first, second, *_ = (*name.split("."), "")
        return f"{first}.{second}" if f"{first}.{second}" in excited else name

    return tuple(
        name for _, block in groupby(names, block_of) for name in sorted(block, key=lambda name: ".se." not in name)
    )


def order_in_file(found: NetworkFile) -> tuple[str, ...]:
    """The trained tensors' names in the order in which the file lists their layers: that of the modules, from PyTorch.

    It is the forward order where the file lists more tensors than the network has.
    """
    entries = [entry for entry in expand(found.layout, found.network) if entry.canonical in found.tensors]
    keys = list(found.checkpoint.tensors)
    if len(keys) != len(entries):
        return trained_names(found.network)
    # All keys of the file may have one more prefix than the layout's keys, which does not change how they are sorted.
    names = dict(zip(sorted(keys), (entry.canonical for entry in sorted(entries, key=lambda entry: entry.key))))
    trained = set(trained_names(found.network))
    layers = dict.fromkeys(names[key].rsplit(".", 1)[0] for key in keys)
    return tuple(f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias") if f"{layer}.{kind}" in trained)
