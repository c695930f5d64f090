"""The files of a training's folder: what is in each, and how they are written."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os

from paddle_tsm.checkpoint import write_checkpoint
from paddle_tsm.layouts.network_file import METADATA_KEY
from paddle_tsm.network import is_linear_weight

RESUME = "resume.safetensors"  # all that `--resume` needs
LAST, BEST = "last.safetensors", "best.safetensors"  # networks that every command loads


def open_folder(out, resume: bool) -> bool:
    """Make the folder `out`; returns whether it holds a training to go on with. Raises ValueError where it holds one that
    was not asked for."""
    os.makedirs(out, exist_ok=True)
    exists = os.path.exists(os.path.join(out, RESUME))
    if exists and not resume:
        raise ValueError(f"{out}: holds a training already; --resume goes on with it, another --out starts a new one")
    return exists


def write_model(path, model, network) -> None:
    """The network's weights under canonical names, with its options, as `load_model` and every command read it."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        array = tensor.numpy()
        tensors[name] = array.T if is_linear_weight(name) else array
    record = {"network": dataclasses.asdict(network)}
    write_checkpoint(path, tensors, metadata={METADATA_KEY: json.dumps(record)}, format="safetensors")


def digest_of(entries) -> str:
    """Tells lists of clips apart: their paths' last parts, labels and places, in order."""
    text = "\n".join(f"{os.path.basename(e.path)} {e.labels} {e.num_frames} {e.offset}" for e in entries)
    return hashlib.sha256(text.encode()).hexdigest()
