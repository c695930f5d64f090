"""Momentum buffers from another system's checkpoint, so that training goes on in the other framework.

PyTorch's SGD numbers its parameters group by group; TSM's groups (mmaction2 tsm_optim_wrapper_constructor.py 4d6c934, MIT
ops/models.py 1f6a834 `get_optim_policies`) take the layers in forward order, and each tensor's shape is checked. Paddle
names its accumulators after the parameter's internal name, which the .pdparams beside the .pdopt lists.
"""

from __future__ import annotations

import re

import numpy as np

from paddle_tsm.checkpoint import CheckpointError
from paddle_tsm.checkpoint.read import read_tree
from paddle_tsm.layouts.fold_order import in_order
from paddle_tsm.layouts.key_map import is_step_counter
from paddle_tsm.layouts.network_file import NetworkFile, read_network
from paddle_tsm.network import Network

PADDLE_NAMES = "StructuredToParameterName@@"  # paddle.save's table of structured to internal names


def read_optimizer(path, optimizer_path=None, layout: str = "auto", **options) -> dict:
    """The state of SGD with momentum in a training checkpoint, as `tsm_sgd(...).load_state_dict` of either package takes it.

    path: a PyTorch checkpoint that holds the optimizer beside the network, or a .pdparams; optimizer_path: its .pdopt.
    layout, options: as for `load_model`; the buffers come in the same shift order as `load_model` gives the weights.
    Returns {"algorithm": "sgd", "lr", "state": {canonical name: {"momentum_buffer": array in PyTorch's orientation}}}.
    Raises CheckpointError where there is no such state, or it does not fit the network.
    """
    found = read_network(path, layout=layout, **options)
    if optimizer_path is not None:
        lr, buffers = paddle_buffers(found, optimizer_path)
    elif is_torch_optimizer(found.checkpoint.aside.get("optimizer")):
        lr, buffers = torch_buffers(found)
    else:
        raise CheckpointError(
            f"{path}: holds no optimizer's state; wanted 'optimizer' beside the network, or a .pdopt as the second file"
        )
    shapes = found.network.shapes()
    for name, array in buffers.items():
        if array.shape != shapes[name]:
            raise CheckpointError(
                f"{optimizer_path or path}: the momentum of {name} has the shape {list(array.shape)}, wanted "
                f"{list(shapes[name])}; do optimizer and network belong together?"
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
    return isinstance(value, dict) and "state" in value and "param_groups" in value


def torch_buffers(found: NetworkFile) -> tuple[float, dict[str, np.ndarray]]:
    """The base learning rate and canonical name -> momentum buffer of a PyTorch SGD."""
    optimizer, path = found.checkpoint.aside["optimizer"], found.checkpoint.path
    groups = optimizer["param_groups"]
    order = [index for group in groups for index in group["params"]]
    names = parameter_order(found.network, len(groups))
    if len(order) != len(names):
        raise CheckpointError(
            f"{path}: the optimizer has {len(order)} parameters, the network {len(names)}; wanted TSM's groups or a single one"
        )
    buffers = {}
    for index, name in zip(order, names):
        state = optimizer["state"].get(index, {})
        buffer = state.get("momentum_buffer")
        if isinstance(buffer, np.ndarray):
            buffers[name] = buffer
        elif state:
            raise CheckpointError(
                f"{path}: the optimizer's state of {name} holds {', '.join(state)}; wanted momentum_buffer (SGD)"
            )
    return float(groups[0]["lr"]), buffers


def parameter_order(network: Network, groups: int) -> list[str]:
    """The canonical names of the trained parameters in the order in which PyTorch numbers them.

    One group: forward order. TSM's: first convolution's weight and bias, weights, biases, BatchNorms, (MIT's custom
    operations,) the classifier's weight, its bias.
    """
    trained = [name for name in network.shapes() if ".running_" not in name and not is_step_counter(name)]
    if groups == 1:
        return trained
    norms = {name.rsplit(".", 1)[0] for name in network.shapes() if name.endswith("running_mean")}
    first = trained[0]

    def group(name: str) -> int:
        layer, kind = name.rsplit(".", 1)
        if layer in norms:
            return 3
        if layer == network.classifier:
            return 4 if kind == "weight" else 5
        return 0 if name == first else 1 if kind == "weight" else 2

    return sorted(trained, key=group)  # stable: forward order within a group


def paddle_buffers(found: NetworkFile, optimizer_path) -> tuple[float, dict[str, np.ndarray]]:
    """The learning rate and canonical name -> momentum buffer of a paddle.optimizer.Momentum."""
    table = found.checkpoint.aside.get(PADDLE_NAMES)
    if not isinstance(table, dict):
        raise CheckpointError(
            f"{found.checkpoint.path}: has no table of internal names; wanted what paddle.save writes"
        )
    state = read_optimizer_tree(optimizer_path)
    velocities = {
        re.sub(r"_velocity_\d+$", "", key): array
        for key, array in state.items()
        if isinstance(array, np.ndarray) and re.search(r"_velocity_\d+$", key)
    }
    buffers = {}
    for entry in found.entries:
        internal = table.get(found.named.keys[entry.key])
        if internal in velocities:
            array = velocities[internal]
            buffers[entry.canonical] = array.T if entry.transposed else array
    if not buffers:
        raise CheckpointError(
            f"{optimizer_path}: no momentum of this network's parameters; wanted the .pdopt saved with it"
        )
    scheduler = state.get("LR_Scheduler")
    return float(scheduler["last_lr"]) if isinstance(scheduler, dict) and "last_lr" in scheduler else 0.0, buffers


def read_optimizer_tree(path) -> dict:
    """The plain contents of a .pdopt, read as safely as a network."""
    tree = read_tree(path)
    if not isinstance(tree, dict):
        raise CheckpointError(f"{path}: holds a {type(tree).__name__}, wanted a .pdopt: a dictionary of accumulators")
    return tree
