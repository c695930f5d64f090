"""Momentum from another system's checkpoint, so that a training goes on in the other framework."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from paddle_tsm.checkpoint import CheckpointError
from paddle_tsm.checkpoint.read import read_tree
from paddle_tsm.conversion.paddle_momentum import paddle_buffers
from paddle_tsm.conversion.torch_momentum import find_optimizer, is_torch_optimizer, torch_buffers
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.networks.shift_order import in_order


def read_optimizer(
    path: str | os.PathLike, optimizer_path: str | os.PathLike | None = None, layout: str = "auto", **options: Any
) -> dict[str, Any]:
    """The state of SGD with momentum in a training checkpoint, for `tsm_sgd(...).load_state_dict` of either package.

    path: a PyTorch checkpoint that holds the optimizer beside the network, or a .pdparams. optimizer_path: a file that
    holds the optimizer alone: the .pdopt of a .pdparams, or what torch.save wrote of an optimizer's state_dict().
    layout, options: as for `load_model`. The buffers come in the shift order in which `load_model` gives the weights.

    An optimizer's parameters may be grouped as mmaction2 or MIT group them, with and without fc_lr5 and whichever
    BatchNorms are trained, or be in one group, or in a group for each.

    Returns {"algorithm": "sgd", "lr": float, "state": {canonical name: {"momentum_buffer": array}}}, with the arrays in
    PyTorch's orientation. A parameter without momentum, such as a frozen one, has no entry. lr is None where the file
    does not hold it, as a .pdopt without a scheduler; `load_state_dict` then leaves the rate as it is. Raises
    CheckpointError where there is no such state, and where it does not fit the network.
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
