"""The files of a training's folder: what is in each, and how they are written."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re

from paddle_tsm.checkpoint import write_checkpoint
from paddle_tsm.files.kept_inputs import keep_inputs
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.layouts.record import METADATA_KEY
from paddle_tsm.networks.families import is_linear_weight

RESUME = "resume.safetensors"  # all that `--resume` needs
LAST, BEST = "last.safetensors", "best.safetensors"  # networks that every command loads
TRAIN_ROWS, VALIDATION_ROWS = "train.csv", "validation.csv"  # a row an update, a row an epoch
GO_ON = "what was saved before is whole: make room and go on with --resume"


def check_folder(out, resume: bool) -> bool:
    """Whether the folder `out` holds a training to go on with. Raises ValueError where it holds one that was not asked
    for, or files that a training would overwrite; nothing is written."""
    if os.path.exists(out) and not os.path.isdir(out):
        raise ValueError(f"{out}: is a file; wanted a folder, which is made where there is none")
    if os.path.exists(os.path.join(out, RESUME)):
        if not resume:
            raise ValueError(
                f"{out}: holds a training already; --resume goes on with it, another --out starts a new one"
            )
        return True
    for name in (LAST, BEST, TRAIN_ROWS, VALIDATION_ROWS):
        if os.path.exists(os.path.join(out, name)):
            raise ValueError(
                f"{out}: holds {name} and no {RESUME} that goes with it; wanted another --out, so that it stays"
            )
    return False


def keep_inputs_of_training(out, inputs) -> None:
    """Raise ValueError where a file of the folder `out` that a training writes is one that it reads."""
    written = [os.path.join(out, name) for name in (RESUME, LAST, BEST, TRAIN_ROWS, VALIDATION_ROWS)]
    for path in written:
        if os.path.exists(path):
            keep_inputs({"--out": path}, inputs)


def make_folder(out) -> None:
    """Make the folder `out`, and take away the unfinished files that a killed training left in it."""
    os.makedirs(out, exist_ok=True)
    ours = "|".join(map(re.escape, (RESUME, LAST, BEST, TRAIN_ROWS, VALIDATION_ROWS)))
    for name in os.listdir(out):
        if re.fullmatch(rf"\.({ours})\.\d+-[0-9a-f]{{8}}\.tmp", name):  # `atomic_path`'s names
            os.unlink(os.path.join(out, name))


def write_model(path, model, network, trained_on: NetworkInput) -> None:
    """The network's weights under canonical names, with its options and all that a command must know of its input."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        array = tensor.numpy()
        tensors[name] = array.T if is_linear_weight(name) else array
    record = {"network": dataclasses.asdict(network), "input": trained_on.known()}
    write_checkpoint(path, tensors, metadata={METADATA_KEY: json.dumps(record)}, format="safetensors")


def digest_of(entries) -> str:
    """Tells lists of clips apart: their paths' last parts, labels and places, in order."""
    text = "\n".join(f"{os.path.basename(e.path)} {e.labels} {e.num_frames} {e.offset}" for e in entries)
    return hashlib.sha256(text.encode()).hexdigest()
