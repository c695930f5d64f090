"""The options of `paddle-tsm train`. One that is not given is None, so that --resume can take it from the run's folder;
the defaults are those of `TrainingArguments`.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from paddle_tsm.commands.shared_options import add_list_argument
from paddle_tsm.lists.annotations import FORMS
from paddle_tsm.lists.check_list import DEPTHS
from paddle_tsm.training.arguments import SPLIT, TrainingArguments
from paddle_tsm.training.framework import FRAMEWORKS
from paddle_tsm.training.published_recipes import RECIPES

DEFAULTS = TrainingArguments()


def given_options(args: argparse.Namespace) -> dict[str, Any]:
    """Option -> value, of the `TrainingArguments` that the command line gives."""
    values = {one.name: getattr(args, one.name) for one in dataclasses.fields(TrainingArguments)}
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if value is not None
    }


def add_clip_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which clips there are, and of which classes."""
    add_list_argument(parser, needed=False)
    parser.add_argument(
        "--validation", metavar="LIST", help="The list, or folder of classes, to validate on after each epoch."
    )
    parser.add_argument(
        "--split",
        type=float,
        metavar="SHARE",
        help="The share of each class's videos to validate on, where LIST is a folder of classes. --out then holds the "
        f"lists. Default: {SPLIT:g} without --validation; 0 is for none.",
    )
    parser.add_argument(
        "--classes",
        metavar="FILE",
        help="A file with the names of the classes, one a line. Default: the names of LIST's folders, sorted; of a "
        "list no names, and one class more than its largest label.",
    )


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is trained and how."""
    group = parser.add_argument_group("what is computed")
    group.add_argument("--recipe", metavar="R", help=f"One of {', '.join(RECIPES)}. Default: {DEFAULTS.recipe}.")
    group.add_argument(
        "--set",
        dest="changes",
        metavar="NAME=VALUE",
        nargs="+",
        action="extend",
        help="Changes to the recipe, such as batch=16 lr=auto. lr=auto is the recipe's rate, scaled to the batch.",
    )
    group.add_argument("--show", action="store_true", help="Print the recipe and exit.")
    group.add_argument(
        "--pretrained",
        metavar="FILE",
        help="Start from these weights, of ImageNet or of another TSM, without their classifier. Default: random "
        "weights.",
    )
    group.add_argument(
        "--pretrained-teacher",
        metavar="FILE",
        help="Start the teacher from these weights, without their classifier. Default: random weights.",
    )
    group.add_argument(
        "--keep-classifier",
        action="store_true",
        default=None,
        help="Take the classifiers of --pretrained and --pretrained-teacher, too.",
    )


def add_comparison_options(parser: argparse.ArgumentParser) -> None:
    """Add the options with which two trainings can be compared update by update."""
    group = parser.add_argument_group("comparing two trainings", "`paddle-tsm parity --curves` then compares them.")
    group.add_argument(
        "--framework",
        choices=FRAMEWORKS,
        help=f"What computes the training. torch: the reference, in PyTorch. Default: {DEFAULTS.framework}.",
    )
    plan = group.add_mutually_exclusive_group()
    plan.add_argument(
        "--plan",
        metavar="FILE",
        help="Draw everything before the first update (order, frames, boxes, mirroring, blends), write it to FILE as "
        "JSON, and train by it. The network before the first update is written to --out as start.safetensors.",
    )
    plan.add_argument("--replay", metavar="FILE", help="Train by the draws in FILE, which --plan wrote.")
    group.add_argument(
        "--nudge",
        type=int,
        metavar="SEED",
        help="Move each initial weight by one unit in the last place, up or down: a run to measure the noise of "
        "float32 with.",
    )


def add_list_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how the lists are read and checked."""
    group = parser.add_argument_group("the clips")
    group.add_argument(
        "--form",
        choices=tuple(FORMS),
        help="What a line of a list holds. video: path, label. frames: path, number of frames, label. offset: path, "
        f"offset, number of frames, label. Default: {DEFAULTS.form}.",
    )
    group.add_argument(
        "--root",
        metavar="DIR",
        help="The folder that the paths of the lists start from. Default: the current folder.",
    )
    group.add_argument(
        "--template",
        metavar="T",
        help="How the frames in a folder are named. Default: as the recipe's data set names them, else img_{:05d}.jpg.",
    )
    group.add_argument(
        "--check",
        choices=(*DEPTHS, "none"),
        help="What to check of every clip before the start: exists (the file), first (the first frame), all (every "
        f"frame), or none. Default: {DEFAULTS.check}.",
    )
    group.add_argument(
        "--skip-bad",
        action="store_true",
        default=None,
        help="Leave out clips that cannot be read, and name them at the end.",
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the training goes, and how it is kept."""
    group = parser.add_argument_group("the run")
    group.add_argument("--out", default="run", metavar="DIR", help="The folder for checkpoints and logs. Default: run.")
    group.add_argument(
        "--resume",
        action="store_true",
        help="Go on with the training in --out, if there is one. What is not given is taken from there.",
    )
    group.add_argument(
        "--save-every", type=int, metavar="N", help=f"Updates between two saves. Default: {DEFAULTS.save_every}."
    )
    group.add_argument(
        "--workers", type=int, metavar="N", help=f"Threads that read clips. Default: {DEFAULTS.workers}."
    )
