"""Momentum buffers of torch.optim.SGD in a checkpoint.

PyTorch's optimizers number a network's parameters instead of naming them. Of the orders that upstream's rules give
(`optimizer_order`), the right one has the file's group sizes and the shape of every buffer.
"""

from __future__ import annotations

import os
from typing import Any, TypeGuard

import numpy as np

from paddle_tsm.checkpoint import CheckpointError
from paddle_tsm.conversion.optimizer_order import Order, possible_orders, trained_names
from paddle_tsm.layouts.network_file import NetworkFile

SIZES_IN_MESSAGE = 10  # the most group sizes that a message lists


def is_torch_optimizer(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether `value` is what the state_dict() of a torch.optim optimizer returns."""
    return isinstance(value, dict) and isinstance(value.get("state"), dict) and is_groups(value.get("param_groups"))


def is_groups(value: object) -> bool:
    """Whether `value` is a list of parameter groups, each with the numbers of its parameters."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(group, dict) and isinstance(group.get("params"), list) for group in value)
    )


def find_optimizer(path: str | os.PathLike, aside: dict) -> dict[str, Any] | None:
    """The state of the optimizer in `aside`, what the file `path` holds beside the network; None where there is none.

    It may have any key. Raises CheckpointError, naming the keys, where there are several and none is "optimizer".
    """
    held = {}
    for key, value in aside.items():
        one = value[0] if isinstance(value, list) and len(value) == 1 else value  # PyTorch Lightning keeps a list
        if is_torch_optimizer(one):
            held[key] = one
    if "optimizer" in held:
        return held["optimizer"]
    if len(held) > 1:
        raise CheckpointError(
            f"{path}: holds {len(held)} optimizers: {', '.join(map(str, held))}; save the network's own under "
            "'optimizer'"
        )
    return next(iter(held.values()), None)


def torch_buffers(
    found: NetworkFile, optimizer: dict[str, Any], path: str | os.PathLike
) -> tuple[float | None, dict[str, np.ndarray]]:
    """The learning rate without multipliers, and canonical name -> momentum buffer.

    optimizer: the state_dict() of torch.optim.SGD over the parameters of the network in `found`; `path`, its file, is
    for messages. Raises CheckpointError where it does not fit the network.
    """
    groups, state = optimizer["param_groups"], optimizer["state"]
    numbers = [number for group in groups for number in group["params"]]
    buffers = {number: momentum_of(path, number, state.get(number)) for number in numbers}
    if len(buffers) != len(numbers):
        raise CheckpointError(f"{path}: the optimizer has a parameter in two groups; wanted each in one")
    order = matching_order(found, path, groups, buffers)
    first = groups[0]  # MIT keeps each group's multiplier beside its rate
    lr = float(first["lr"]) / float(first.get("lr_mult", 1)) if "lr" in first else None
    named = zip(order.names, map(buffers.get, numbers))
    return lr, {name: buffer for name, buffer in named if buffer is not None}


def momentum_of(path: str | os.PathLike, number: int, state: dict | None) -> np.ndarray | None:
    """The momentum buffer in the state of the parameter `number`.

    None where there is none: the parameter was frozen or never updated, or the momentum is 0. Raises CheckpointError
    for the state of another algorithm than SGD.
    """
    if not state:
        return None
    buffer = state.get("momentum_buffer")
    if isinstance(buffer, np.ndarray):
        return buffer
    if set(state) == {"momentum_buffer"} and buffer is None:
        return None
    raise CheckpointError(
        f"{path}: the optimizer's state of parameter {number} holds {', '.join(map(str, state))}; wanted "
        "momentum_buffer (SGD)"
    )


def matching_order(
    found: NetworkFile, path: str | os.PathLike, groups: list[dict], buffers: dict[int, np.ndarray | None]
) -> Order:
    """The one order of the network's parameters that has these groups' sizes and these buffers' shapes.

    buffers: a parameter's number -> its momentum. Raises CheckpointError, with what was tried, where no order fits, and
    where several fit that name the buffers differently.
    """
    sizes = tuple(len(group["params"]) for group in groups)
    orders = possible_orders(found)
    right_sizes = [order for order in orders if order.sizes == sizes]
    if not right_sizes:
        tried = [", ".join(dict.fromkeys(words)) for words in zip(*((order.grouping, order.norms) for order in orders))]
        raise CheckpointError(
            f"{path}: the optimizer has {sum(sizes)} parameters, the network {len(trained_names(found.network))}; its "
            f"groups have {sizes_in_words(sizes)} parameters, as in no known grouping of a {found.network.arch}; "
            f"tried: {tried[0]}; with {tried[1]}"
        )
    misfits = [first_misfit(found, order, buffers) for order in right_sizes]
    fitting = [order for order, misfit in zip(right_sizes, misfits) if misfit is None]
    if not fitting:
        assert misfits[0] is not None
        name, shape = misfits[0]
        raise CheckpointError(
            f"{path}: the momentum of {name} has the shape {list(shape)}, wanted {list(found.network.shapes()[name])} "
            f"(as {right_sizes[0].grouping} with {right_sizes[0].norms}); do optimizer and network belong together?"
        )
    given = {tuple(name for n, name in zip(buffers, order.names) if buffers[n] is not None) for order in fitting}
    if len(given) > 1:
        raise CheckpointError(
            f"{path}: the optimizer's parameters fit both the order of {found.layout.name}'s modules and the order of "
            "the file's keys, which differ; wanted a checkpoint with its keys in the order in which PyTorch wrote them"
        )
    return fitting[0]


def sizes_in_words(sizes: tuple[int, ...]) -> str:
    """The sizes of groups for a message, which leaves out the rest where there are many."""
    if len(sizes) <= SIZES_IN_MESSAGE:
        return ", ".join(map(str, sizes))
    return ", ".join(map(str, sizes[: SIZES_IN_MESSAGE - 1])) + f", ... ({len(sizes)} groups)"


def first_misfit(
    found: NetworkFile, order: Order, buffers: dict[int, np.ndarray | None]
) -> tuple[str, tuple[int, ...]] | None:
    """The first parameter whose buffer has another shape than it in this order, and that shape; None where all fit."""
    shapes = found.network.shapes()
    for buffer, name in zip(buffers.values(), order.names):
        if buffer is not None and buffer.shape != shapes[name]:
            return name, buffer.shape
    return None
