"""Momentum buffers of paddle.optimizer.Momentum in a .pdopt file.

Paddle names a buffer after its parameter's internal name ("conv2d_0.w_0"). The .pdparams file that was saved beside the
.pdopt has a table of these names.
"""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from paddle_tsm.checkpoint import CheckpointError
from paddle_tsm.layouts.network_file import NetworkFile

PADDLE_NAMES = "StructuredToParameterName@@"  # the key of the table: a parameter's key -> its internal name
# The key of a momentum buffer. With mixed precision it belongs to the float32 copy of the parameter.
PADDLE_VELOCITY = re.compile(r"(?P<parameter>.+?)(_fp32_master_\d+)?_velocity_\d+")


def paddle_buffers(
    found: NetworkFile, state: Any, path: str | os.PathLike
) -> tuple[float | None, dict[str, np.ndarray]]:
    """The learning rate, and canonical name -> momentum buffer in PyTorch's orientation.

    found: the network in the .pdparams. state: what the .pdopt at `path` holds. The rate is None where there is no
    scheduler. Raises CheckpointError where the two files do not belong together.
    """
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: holds a {type(state).__name__}, wanted a .pdopt: a dictionary of accumulators")
    table = found.checkpoint.aside.get(PADDLE_NAMES)
    if not isinstance(table, dict):
        raise CheckpointError(
            f"{found.checkpoint.path}: has no table of internal names; wanted a .pdparams that paddle.save wrote"
        )
    velocities = {
        matched["parameter"]: array
        for key, array in state.items()
        if isinstance(array, np.ndarray) and (matched := PADDLE_VELOCITY.fullmatch(str(key)))
    }
    buffers = {}
    for entry in found.entries:
        array = velocities.pop(table.get(found.named.keys[entry.key]), None)
        if array is not None:
            buffers[entry.canonical] = array.T if entry.transposed else array
    if velocities or not buffers:
        other = f"the momentum of {', '.join(list(velocities)[:3])}" if velocities else accumulators(state)
        raise CheckpointError(
            f"{path}: holds {other}, which no parameter of this network has; wanted the .pdopt of Momentum that was "
            "saved with the network"
        )
    shapes = found.network.shapes()
    for name, array in buffers.items():
        if array.shape != shapes[name]:
            raise CheckpointError(
                f"{path}: the momentum of {name} has the shape {list(array.shape)}, wanted {list(shapes[name])}; "
                "do optimizer and network belong together?"
            )
    scheduler = state.get("LR_Scheduler")
    return float(scheduler["last_lr"]) if isinstance(scheduler, dict) and "last_lr" in scheduler else None, buffers


def accumulators(state: dict) -> str:
    """What a .pdopt without momentum holds, for a message."""
    return ", ".join(map(str, list(state)[:3])) or "nothing"
