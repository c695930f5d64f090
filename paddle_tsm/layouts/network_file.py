"""A checkpoint as a network: its description and its tensors under canonical names."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

import numpy as np

from paddle_tsm.checkpoint import Checkpoint, CheckpointError, read_checkpoint
from paddle_tsm.layouts.key_map import Entry, Layout
from paddle_tsm.layouts.recognise import check_keys, find_layout, find_network, layout_named, transposed_in
from paddle_tsm.network import Network

METADATA_KEY = "paddle_tsm"  # in safetensors metadata, and the whole of the .json beside other formats


@dataclass(frozen=True)
class NetworkFile:
    """What a file holds. `tensors`: canonical name -> array in PyTorch's orientation, mapped from the file."""

    checkpoint: Checkpoint
    layout: Layout
    network: Network
    entries: list[Entry]
    tensors: dict[str, np.ndarray]


def read_network(path, layout: str = "auto", allow_nan: bool = False, **options) -> NetworkFile:
    """Read a checkpoint of any layout and format, strictly: every tensor is accounted for, by key and by shape.

    layout: "auto" or a layout's name. options: those of `create_model`; None is as good as not given. They come
    before what paddle-tsm recorded in the file, and may not contradict what the keys say.
    Raises CheckpointError for a file that cannot be read, whose keys or shapes are not those of a known network, or,
    unless `allow_nan`, that holds NaN or infinite weights.
    """
    checkpoint = read_checkpoint(path)
    given = {name: value for name, value in options.items() if value is not None}
    try:
        found = interpret(checkpoint, layout, **(recorded_options(checkpoint) | given))
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if not allow_nan:
        refuse_nan(path, checkpoint.tensors)
    return found


def interpret(checkpoint: Checkpoint, layout: str = "auto", **options) -> NetworkFile:
    """What network a checkpoint's tensors are. Raises ValueError where they are not exactly a known one's."""
    shapes = {name: array.shape for name, array in checkpoint.tensors.items()}
    found = find_layout(shapes) if layout == "auto" else layout_named(layout)
    network = find_network(found, shapes, **options)
    entries = check_keys(found, network, shapes, transposed_in(found, checkpoint.format))
    tensors = {
        entry.canonical: checkpoint.tensors[entry.there].T if entry.transposed else checkpoint.tensors[entry.there]
        for entry in entries
    }
    return NetworkFile(checkpoint, found, network, entries, tensors)


def recorded_options(checkpoint: Checkpoint) -> dict:
    """The network's options that paddle-tsm recorded when it wrote the file; {} for a file of another origin.

    Raises ValueError where the record is there and cannot be understood.
    """
    if METADATA_KEY in checkpoint.metadata:
        text = checkpoint.metadata[METADATA_KEY]
    elif os.path.isfile(f"{checkpoint.path}.json"):
        with open(f"{checkpoint.path}.json", encoding="utf-8") as file:
            text = file.read()
    else:
        return {}
    try:
        options = json.loads(text)["network"]
        return {name: value for name, value in options.items() if name != "arch"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the record of the network's options is damaged ({error}); remove it to go on without") from error


def refuse_nan(path, tensors: dict[str, np.ndarray]) -> None:
    """Raise CheckpointError naming the first tensors with values that are NaN or infinite."""
    bad = [name for name, array in tensors.items() if array.dtype.kind in "fV" and not np.isfinite(array).all()]
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise CheckpointError(f"{path}: NaN or infinite values in {', '.join(bad[:3])}{more}; --allow-nan to go on")
