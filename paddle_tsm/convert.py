"""From one layout and file format to another: the same values under other names."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from paddle_tsm.atomic_file import atomic_file
from paddle_tsm.checkpoint import CheckpointError, write_checkpoint
from paddle_tsm.checkpoint.write import format_of_name
from paddle_tsm.layouts.key_map import Layout, expand
from paddle_tsm.layouts.network_file import METADATA_KEY, NetworkFile, read_network
from paddle_tsm.layouts.recognise import layout_named, transposed_in


@dataclass(frozen=True)
class Conversion:
    """What was read and what was written; `tensors` are those of the new file, under its names."""

    source: NetworkFile
    destination: str
    layout: Layout
    tensors: dict[str, np.ndarray]


def convert(source, destination, from_layout: str = "auto", to_layout: str = "canonical", allow_nan: bool = False,
            **options) -> Conversion:
    """Write the network in the file `source` to `destination` in another layout.

    The suffix of `destination` says the format: .safetensors, .pdparams, .pth (also .pt, .pth.tar). No tensor's dtype or
    value changes. options: as for `create_model`, where the source cannot say them; they are recorded in the new file
    (safetensors metadata, else a `.json` beside it). The new file takes its name when it is complete.
    Raises CheckpointError for a source that is not exactly a known network, or a destination that cannot be written.
    """
    target, file_format = layout_named(to_layout), format_of_name(destination)
    if os.path.exists(destination) and os.path.exists(source) and os.path.samefile(source, destination):
        raise CheckpointError(f"{destination}: is the source itself; wanted another name")
    found = read_network(source, layout=from_layout, allow_nan=allow_nan, **options)
    tensors = rename(found, target, file_format)
    record = json.dumps(provenance(found, target))
    metadata = {METADATA_KEY: record} if file_format == "safetensors" else None
    write_checkpoint(
        destination, tensors, wrapper=target.wrapper if file_format == "torch-zip" else (), metadata=metadata
    )
    if metadata is None:
        with atomic_file(f"{destination}.json") as file:
            file.write(record.encode() + b"\n")
    return Conversion(found, str(destination), target, tensors)


def rename(found: NetworkFile, target: Layout, file_format: str) -> dict[str, np.ndarray]:
    """The tensors under the target's names, Linear weights in the orientation of the target's files."""
    entries = expand(target, found.network, transposed_in(target, file_format))
    return {
        entry.there: found.tensors[entry.canonical].T if entry.transposed else found.tensors[entry.canonical]
        for entry in entries
        if entry.canonical in found.tensors  # a file may come without BatchNorm's step counters
    }


def provenance(found: NetworkFile, target: Layout) -> dict:
    """Where a written file comes from, and the options of its network."""
    try:
        tool = version("paddle-tsm")
    except PackageNotFoundError:
        tool = "unknown"
    with open(found.checkpoint.path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "network": asdict(found.network),
        "source": os.path.basename(found.checkpoint.path),
        "sha256": digest,
        "layouts": [found.layout.name, target.name],
        "tool": f"paddle-tsm {tool}",
    }
