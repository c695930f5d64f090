"""The options of `paddle-tsm evaluate`."""

from __future__ import annotations

import argparse

from paddle_tsm.commands.shared_options import WEIGHTS, add_classes_option, add_frame_options
from paddle_tsm.data.datasets import DATA_SETS


def add_weights_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which networks are measured, and whether together."""
    parser.add_argument(
        "--weights",
        nargs="+",
        required=True,
        metavar="W",
        help=f"{WEIGHTS}. Several are measured one by one.",
    )
    parser.add_argument(
        "--ensemble",
        action="store_true",
        help="Also measure the mean of the checkpoints' scores, whose files --out has.",
    )
    parser.add_argument(
        "--ensemble-weights",
        metavar="A,B",
        help="A positive number for each checkpoint in the mean. Includes --ensemble. Default: equal weights.",
    )


def add_clip_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the clips are and what their labels mean."""
    group = parser.add_argument_group("the clips")
    add_frame_options(group)
    group.add_argument(
        "--data-set",
        metavar="NAME",
        help=f"The data set of the list: {', '.join(DATA_SETS)}. Its number of classes is checked, and it names the "
        "frames.",
    )
    group.add_argument(
        "--multi-label",
        action="store_true",
        help="A clip has several labels, such as 1,4,7. Default: what the weights record, else one label.",
    )


def add_flow_options(parser: argparse.ArgumentParser) -> None:
    """Add the options with which networks of RGB frames and of optical flow are measured together."""
    group = parser.add_argument_group(
        "two-stream",
        "Networks of RGB frames read the clips of LIST, those of optical flow the same clips from a list of their own. "
        "Each is measured, and the mean of their scores.",
    )
    group.add_argument(
        "--rgb-and-flow",
        metavar="LIST",
        help="The list of the flow that `paddle-tsm prepare flow` wrote, or another one of the form frames, with the "
        "clips of LIST in the same order. Includes --ensemble.",
    )
    group.add_argument(
        "--flow-root", default="", metavar="DIR", help="The folder that its paths start from. Default: the current one."
    )
    group.add_argument(
        "--flow-template", metavar="T", help="How its images are named. Default: flow_{}_{:05d}.jpg, with x and y."
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how the clips are read and run."""
    group = parser.add_argument_group("how it runs")
    group.add_argument("--batch", type=int, default=8, metavar="N", help="Views in a forward pass. Default: 8.")
    group.add_argument("--workers", type=int, default=2, metavar="N", help="Threads that read clips. Default: 2.")
    group.add_argument(
        "--check",
        default="first",
        metavar="DEPTH",
        help="What to check of every clip before the first one runs: exists (the file), first (the first frame), all "
        "(every frame), or none. Default: first.",
    )
    group.add_argument(
        "--skip-bad", action="store_true", help="Leave out clips that cannot be read, and name them at the end."
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="Decode every video first. One that does not hold what its container says counts as unreadable.",
    )
    group.add_argument(
        "--average", metavar="A", help="What to average over the views: probabilities or logits. Default: the preset's."
    )


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which files are written."""
    group = parser.add_argument_group("what it writes")
    group.add_argument(
        "--out", metavar="DIR", help="Write scores.csv, confusion.csv, confusion.png and metrics.json into this folder."
    )
    group.add_argument(
        "--resume",
        action="store_true",
        help="Go on with the run that was broken off and had the same options and --out. Without one, begin.",
    )
    group.add_argument("--json", metavar="FILE", help="Write the content of metrics.json into this file.")
    add_classes_option(group, ", for the files that are written")
