"""Momentum buffers from another system's checkpoint, so that training goes on in the other framework.

PyTorch's SGD numbers its parameters group by group (`optimizer_order`); of the orders that upstream's rules give, the
one is taken that has the file's group sizes and every tensor's shape. Paddle names its accumulators after the
parameter's internal name, which the .pdparams beside the .pdopt lists.
"""

from __future__ import annotations

import re

import numpy as np

from paddle_tsm.checkpoint import CheckpointError
from paddle_tsm.checkpoint.read import read_tree
from paddle_tsm.conversion.optimizer_order import Order, possible_orders, trained_names
from paddle_tsm.layouts.network_file import NetworkFile, read_network
from paddle_tsm.networks.shift_order import in_order

PADDLE_NAMES = "StructuredToParameterName@@"  # paddle.save's table of structured to internal names
# Momentum's accumulator; with mixed precision it belongs to the float32 copy of the parameter
PADDLE_VELOCITY = re.compile(r"(?P<parameter>.+?)(_fp32_master_\d+)?_velocity_\d+")
GROUPS_SHOWN = 10


def read_optimizer(path, optimizer_path=None, layout: str = "auto", **options) -> dict:
    """The state of SGD with momentum in a training checkpoint, as `tsm_sgd(...).load_state_dict` of either package
    takes it.

    path: a PyTorch checkpoint that holds the optimizer beside the network, or a .pdparams. optimizer_path: a file with
    the optimizer alone: the .pdopt of a .pdparams, or what torch.save wrote of an optimizer's state_dict(). layout,
    options: as for `load_model`; the buffers come in the same shift order as `load_model` gives the weights. Read are
    the groups of mmaction2 and of MIT, with and without fc_lr5, all or only the first BatchNorm trained, a single
    group, and a group for every parameter. A parameter without momentum (a frozen one) has no entry. Returns
    {"algorithm": "sgd", "lr", "state": {canonical name: {"momentum_buffer": array in PyTorch's orientation}}}; lr is
    None where the file does not say it (a .pdopt without a scheduler), which `load_state_dict` takes as "as
    constructed". Raises CheckpointError where there is no such state, or it does not fit the network.
    """
    found = read_network(path, layout=layout, **options)
    where = optimizer_path or path
    held = read_tree(optimizer_path) if optimizer_path is not None else find_optimizer(path, found.checkpoint.aside)
    if is_torch_optimizer(held):
        lr, buffers = torch_buffers(found, held, where)
    elif optimizer_path is not None:
        lr, buffers = paddle_buffers(found, held, where)
    else:
        raise CheckpointError(
            f"{path}: holds no optimizer's state; wanted 'optimizer' beside the network, or a .pdopt as the second file"
        )
    if found.asked_order != found.network.shift_order:
        _, buffers = in_order(found.network, buffers, found.asked_order)
    return {
        "algorithm": "sgd",
        "lr": lr,
        "state": {name: {"momentum_buffer": np.array(a)} for name, a in buffers.items()},
    }


def is_torch_optimizer(value) -> bool:
    """Whether `value` is what torch.optim's state_dict() gives."""
    return isinstance(value, dict) and isinstance(value.get("state"), dict) and is_groups(value.get("param_groups"))


def is_groups(value) -> bool:
    """Whether `value` is the list of groups in it, each with the numbers of its parameters."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(group, dict) and isinstance(group.get("params"), list) for group in value)
    )


def find_optimizer(path, aside: dict):
    """The one optimizer's state in what a file holds beside the network, under whatever key; None where there is none.

    Raises CheckpointError, naming them, where there are several.
    """
    held = {}
    for key, value in aside.items():
        one = value[0] if isinstance(value, list) and len(value) == 1 else value  # Lightning keeps a list
        if is_torch_optimizer(one):
            held[key] = one
    if "optimizer" in held:
        return held["optimizer"]
    if len(held) > 1:
        raise CheckpointError(
            f"{path}: holds {len(held)} optimizers: {', '.join(map(str, held))}; save the network's own under 'optimizer'"
        )
    return next(iter(held.values()), None)


def torch_buffers(found: NetworkFile, optimizer: dict, path) -> tuple[float | None, dict[str, np.ndarray]]:
    """The base learning rate and canonical name -> momentum buffer of a PyTorch SGD."""
    groups, state = optimizer["param_groups"], optimizer["state"]
    numbers = [number for group in groups for number in group["params"]]
    buffers = {number: momentum_of(path, number, state.get(number)) for number in numbers}
    if len(buffers) != len(numbers):
        raise CheckpointError(f"{path}: the optimizer has a parameter in two groups; wanted each in one")
    order = the_order(found, path, groups, buffers)
    # MIT keeps each group's multiplier beside its rate
    first = groups[0]
    lr = float(first["lr"]) / float(first.get("lr_mult", 1)) if "lr" in first else None
    return lr, {name: buffers[n] for n, name in zip(numbers, order.names) if buffers[n] is not None}


def momentum_of(path, number, state) -> np.ndarray | None:
    """One parameter's momentum; None where it has none: it was frozen, or never updated, or the momentum is 0."""
    if not state:
        return None
    buffer = state.get("momentum_buffer")
    if isinstance(buffer, np.ndarray):
        return buffer
    if set(state) == {"momentum_buffer"} and buffer is None:
        return None
    raise CheckpointError(
        f"{path}: the optimizer's state of parameter {number} holds {', '.join(map(str, state))}; wanted momentum_buffer (SGD)"
    )


def the_order(found: NetworkFile, path, groups: list[dict], buffers: dict) -> Order:
    """The one order that gives these groups and shapes. Raises CheckpointError, saying what was tried, for none or
    several.
    """
    sizes = tuple(len(group["params"]) for group in groups)
    orders = possible_orders(found)
    right_sizes = [order for order in orders if order.sizes == sizes]
    if not right_sizes:
        tried = [", ".join(dict.fromkeys(words)) for words in zip(*((order.grouping, order.norms) for order in orders))]
        raise CheckpointError(
            f"{path}: the optimizer has {sum(sizes)} parameters, the network {len(trained_names(found.network))}; its groups "
            f"have {shown(sizes)} parameters, which are nobody's of a {found.network.arch}; tried: {tried[0]}; with {tried[1]}"
        )
    fitting = [order for order in right_sizes if misfit(found, order, buffers) is None]
    if not fitting:
        name, shape = misfit(found, right_sizes[0], buffers)
        raise CheckpointError(
            f"{path}: the momentum of {name} has the shape {list(shape)}, wanted {list(found.network.shapes()[name])} "
            f"(as {right_sizes[0].grouping} with {right_sizes[0].norms}); do optimizer and network belong together?"
        )
    given = {tuple(name for n, name in zip(buffers, order.names) if buffers[n] is not None) for order in fitting}
    if len(given) > 1:
        raise CheckpointError(
            f"{path}: the optimizer's parameters fit the order of {found.layout.name}'s modules and the file's own order of "
            "keys, which differ; wanted a checkpoint with its keys as PyTorch wrote them"
        )
    return fitting[0]


def shown(sizes: tuple[int, ...]) -> str:
    """Groups' sizes in a message."""
    more = f", ... ({len(sizes)} groups)" if len(sizes) > GROUPS_SHOWN else ""
    return ", ".join(map(str, sizes[: GROUPS_SHOWN - 1 if more else GROUPS_SHOWN])) + more


def misfit(found: NetworkFile, order: Order, buffers: dict) -> tuple[str, tuple[int, ...]] | None:
    """The first parameter whose momentum has another shape in this order, and that shape; None where all fit."""
    shapes = found.network.shapes()
    for buffer, name in zip(buffers.values(), order.names):
        if buffer is not None and buffer.shape != shapes[name]:
            return name, buffer.shape
    return None


def paddle_buffers(found: NetworkFile, state, path) -> tuple[float | None, dict[str, np.ndarray]]:
    """The learning rate and canonical name -> momentum buffer of a paddle.optimizer.Momentum."""
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: holds a {type(state).__name__}, wanted a .pdopt: a dictionary of accumulators")
    table = found.checkpoint.aside.get(PADDLE_NAMES)
    if not isinstance(table, dict):
        raise CheckpointError(
            f"{found.checkpoint.path}: has no table of internal names; wanted what paddle.save writes"
        )
    velocities = {
        matched["parameter"]: array
        for key, array in state.items()
        if isinstance(array, np.ndarray) and (matched := PADDLE_VELOCITY.fullmatch(str(key)))
    }
    buffers, shapes = {}, found.network.shapes()
    for entry in found.entries:
        array = velocities.pop(table.get(found.named.keys[entry.key]), None)
        if array is not None:
            buffers[entry.canonical] = array.T if entry.transposed else array
    if velocities or not buffers:
        other = f"the momentum of {', '.join(list(velocities)[:3])}" if velocities else accumulators(state)
        raise CheckpointError(
            f"{path}: holds {other}, which no parameter of this network has; wanted Momentum's .pdopt that was saved with it"
        )
    for name, array in buffers.items():
        if array.shape != shapes[name]:
            raise CheckpointError(
                f"{path}: the momentum of {name} has the shape {list(array.shape)}, wanted {list(shapes[name])}; "
                "do optimizer and network belong together?"
            )
    scheduler = state.get("LR_Scheduler")
    return float(scheduler["last_lr"]) if isinstance(scheduler, dict) and "last_lr" in scheduler else None, buffers


def accumulators(state: dict) -> str:
    """What a .pdopt without momentum holds, in a message."""
    return ", ".join(map(str, list(state)[:3])) or "nothing"
