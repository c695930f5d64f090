"""Write lists of Something-Something from its own split files.

example: python tools/prepare_something.py v2 labels lists --frames 20bn-something-something-v2-frames
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from split_lists import List, list_parser, write_lists

from paddle_tsm.data import split_files

FILES = {
    "train": "train",
    "validation": "val",
    "test-answers": "test",
}  # the data set's word -> that in our lists' names


def lists(args: argparse.Namespace) -> Iterator[List]:
    """The lists of the chosen version. That of the test is there where its answers are."""
    if args.version == "v1":
        ending, read_lines = "csv", split_files.something_v1_lines
        classes = split_files.something_v1_classes(found(args, "labels.csv"), args.order)
    else:
        ending, read_lines = "json", split_files.something_v2_lines
        classes = split_files.something_v2_classes(found(args, "labels.json"))
    for theirs, ours in FILES.items():
        if theirs == "test-answers":
            if not any(map(os.path.exists, places(args, f"{theirs}.csv"))):
                continue
            lines = split_files.something_v1_lines(
                found(args, f"{theirs}.csv"), classes, args.frames
            )  # of both versions
        else:
            lines = read_lines(found(args, f"{theirs}.{ending}"), classes, args.frames)
        yield f"something_{args.version}_{ours}.txt", lines, len(classes)


def places(args: argparse.Namespace, name: str) -> list[str]:
    """Where a split file may be. Older downloads have the data set's name in front of the file's."""
    return [os.path.join(args.splits, f"something-something-{args.version}-{name}"), os.path.join(args.splits, name)]


def found(args: argparse.Namespace, name: str) -> str:
    """The split file. Raises ValueError where it is not there, under either name, and where it is there under both."""
    there = [path for path in places(args, name) if os.path.exists(path)]
    if len(there) != 1:
        names = " and ".join(map(os.path.basename, places(args, name)))
        raise ValueError(f"{args.splits}: holds {'neither' if not there else 'both'} of {names}; wanted one of them")
    return there[0]


def main() -> int:
    parser = list_parser(
        __doc__,
        "labels, train and validation as .csv or .json, with or without something-something-VERSION- in front",
        versions=("v1", "v2"),
    )
    parser.add_argument(
        "--order", choices=split_files.ORDERS, help="The system whose order the classes have; v1 needs it."
    )
    args = parser.parse_args()
    if (args.order is None) == (args.version == "v1"):
        parser.error("--order: v1 needs it (MIT sorts the classes, mmaction2 does not), v2 has one order only")
    return write_lists(args.out, lambda: lists(args))


if __name__ == "__main__":
    sys.exit(main())
