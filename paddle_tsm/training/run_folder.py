"""The folder of a training: the names of its files, and what may be written to it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable

import numpy as np

from paddle_tsm.checkpoint import write_checkpoint
from paddle_tsm.checkpoint.trained_file import BEST, LAST
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.files.kept_inputs import keep_inputs
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.layouts.record import METADATA_KEY
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.networks.network import Network
from paddle_tsm.training.recipe import Recipe

RESUME = "resume.safetensors"  # everything that --resume needs
START = "start.safetensors"  # the network that a planned training starts from
RECIPE = "recipe.json"  # every option of the recipe, and the framework
ARGUMENTS = "arguments.json"  # what `train` was asked for
TRAIN_LOG, VALIDATION_LOG = "train.csv", "validation.csv"  # a row for each update, a row for each epoch
CURVES = "curves.png"  # both logs as a picture
TRAIN_LIST, VALIDATION_LIST, CLASS_LIST = "train.txt", "validation.txt", "classes.txt"  # of a folder of classes
LISTS = (TRAIN_LIST, VALIDATION_LIST, CLASS_LIST)
WRITTEN = (RESUME, START, RECIPE, ARGUMENTS, LAST, BEST, TRAIN_LOG, VALIDATION_LOG, CURVES)
RESUME_ADVICE = "what was saved before is whole: make room and go on with --resume"


def check_folder(out: str, resume: bool, lists: bool = False) -> bool:
    """Whether the folder `out` holds a training to go on with. Nothing is written. lists: whether the training will
    write LISTS, too.

    Raises ValueError where the folder holds a training and `resume` is False, and where it holds files without a
    training to go on with, which would be overwritten.
    """
    if os.path.exists(out) and not os.path.isdir(out):
        raise ValueError(f"{out}: is a file; wanted a folder, which is made where there is none")
    if os.path.exists(os.path.join(out, RESUME)):
        if not resume:
            raise ValueError(
                f"{out}: holds a training already; --resume goes on with it, another --out starts a new one"
            )
        return True
    for name in (*WRITTEN, *(LISTS if lists else ())):
        if os.path.exists(os.path.join(out, name)):
            raise ValueError(
                f"{out}: holds {name} and no {RESUME} that goes with it; wanted another --out, so that it stays"
            )
    return False


def keep_inputs_of_training(out: str, inputs: Iterable[str | None]) -> None:
    """Raise ValueError where a training to the folder `out` would overwrite one of its inputs."""
    written = [os.path.join(out, name) for name in WRITTEN]
    for path in written:
        if os.path.exists(path):
            keep_inputs({"--out": path}, inputs)


def make_folder(out: str) -> None:
    """Make the folder `out`, and remove the temporary files that a killed training left in it."""
    os.makedirs(out, exist_ok=True)
    ours = "|".join(map(re.escape, WRITTEN + LISTS))
    for name in os.listdir(out):
        if re.fullmatch(rf"\.({ours})\.\d+-[0-9a-f]{{8}}\.tmp", name):  # `atomic_path` names its files so
            os.unlink(os.path.join(out, name))


def write_model(path: str, tensors: dict[str, np.ndarray], network: Network, trained_on: NetworkInput) -> None:
    """Write canonical tensors with the network's options and a record of its training data."""
    record = {"network": dataclasses.asdict(network), "input": trained_on.known()}
    write_checkpoint(path, tensors, metadata={METADATA_KEY: json.dumps(record)}, format="safetensors")


def write_recipe(path: str, recipe: Recipe, framework: str) -> None:
    """Write every option of the recipe as JSON, so that `parity --curves` can name those that differ."""
    write_text(path, json.dumps(dataclasses.asdict(recipe) | {"framework": framework}, indent=2) + "\n")


def write_text(path: str, text: str) -> None:
    """Write a file that appears whole or not at all."""
    with atomic_file(path) as file:
        file.write(text.encode())


def digest_of(entries: Iterable[Entry]) -> str:
    """A text that differs where two lists differ: in the last part of a path, in labels, in frames, or in the order."""
    text = "\n".join(f"{os.path.basename(e.path)} {e.labels} {e.num_frames} {e.offset}" for e in entries)
    return hashlib.sha256(text.encode()).hexdigest()
