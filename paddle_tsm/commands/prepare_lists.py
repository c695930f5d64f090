"""`paddle-tsm prepare ucf101` and `prepare something`: lists of clips from a data set's own split files."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.lists.split_files import ORDERS
from paddle_tsm.lists.split_lists import SPLITS, VERSIONS, SplitList, something_lists, ucf101_lists

AFTER = (
    "A line of a list is `path label`; with --frames it is `folder number-of-frames label`, which "
    "`paddle-tsm train --form frames` reads. Paths start from the folder of the videos or frames, which "
    "`paddle-tsm train --root DIR` and other commands are told. Nothing is written where a split file has a mistake."
)


def add_ucf101_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "ucf101",
        "Write lists of UCF101 from its split files.",
        "SPLITS --out DIR",
        (
            "Write ucf101_train_split_1.txt, ucf101_val_split_1.txt and so on, lists of UCF101, from the data set's "
            "own split files.",
            AFTER,
        ),
        (
            "paddle-tsm prepare ucf101 ucfTrainTestlist --out lists",
            "paddle-tsm prepare ucf101 ucfTrainTestlist --out lists --split 1 --frames UCF101/jpg",
        ),
        of="prepare",
    )
    add_places(parser, "classInd.txt, trainlist0N.txt and testlist0N.txt")
    parser.add_argument(
        "--split",
        type=int,
        choices=SPLITS,
        action="append",
        help="Which of the splits to write; it may be given several times. Default: those that are there.",
    )
    parser.set_defaults(run=run_ucf101)


def add_something_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "something",
        "Write lists of Something-Something from its split files.",
        "v1|v2 SPLITS --out DIR",
        (
            "Write something_v2_train.txt, something_v2_val.txt and, where the answers of the test are there, "
            "something_v2_test.txt, from the data set's own split files.",
            AFTER,
        ),
        (
            "paddle-tsm prepare something v2 labels --out lists",
            "paddle-tsm prepare something v2 labels --out lists --frames 20bn-something-something-v2-frames",
            "paddle-tsm prepare something v1 labels --out lists --order mmaction2",
        ),
        of="prepare",
    )
    parser.add_argument("version", choices=VERSIONS, help="The version of the data set.")
    add_places(
        parser, "labels, train and validation as .csv or .json, with or without something-something-VERSION- in front"
    )
    parser.add_argument(
        "--order",
        choices=ORDERS,
        help="The system whose order the classes have. v1 needs it: MIT sorts the classes, mmaction2 does not.",
    )
    parser.set_defaults(run=run_something)


def add_places(parser: argparse.ArgumentParser, splits: str) -> None:
    """Add SPLITS, --out and --frames. splits: what the folder SPLITS holds, in words."""
    parser.add_argument("splits", metavar="SPLITS", help=f"The folder with {splits}.")
    parser.add_argument("--out", required=True, metavar="DIR", help="The folder to write the lists to.")
    parser.add_argument(
        "--frames",
        metavar="DIR",
        help="List the frame folders below DIR, with the number of frames in each. Default: list video files.",
    )


def run_ucf101(args: argparse.Namespace) -> int:
    return write(args.out, lambda: ucf101_lists(args.splits, args.split, args.frames))


def run_something(args: argparse.Namespace) -> int:
    return write(args.out, lambda: something_lists(args.version, args.splits, args.order, args.frames))


def write(out: str, read: Callable[[], list[SplitList]]) -> int:
    """Write the lists to the folder `out`, and print a line about each."""
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.lists.split_lists import write_split_lists
    from paddle_tsm.terminal.literal_text import literal, status

    with status("reading the split files"):  # --frames counts the files of every folder, which takes a while
        lists = read()
    for path, one in write_split_lists(out, lists):
        print(f"{literal(path)}: {len(one.lines)} clips, {one.classes} classes")
    return 0
