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

FILES = {"train": "train", "validation": "val"}  # the data set's word for a part -> the word in the names of our lists


def lists(args: argparse.Namespace) -> Iterator[List]:
    """The lists of the chosen version."""
    stem = os.path.join(args.splits, f"something-something-{args.version}")
    if args.version == "v1":
        ending, read_lines = "csv", split_files.something_v1_lines
        classes = split_files.something_v1_classes(f"{stem}-labels.csv", args.order)
    else:
        ending, read_lines = "json", split_files.something_v2_lines
        classes = split_files.something_v2_classes(f"{stem}-labels.json")
    for theirs, ours in FILES.items():
        lines = read_lines(f"{stem}-{theirs}.{ending}", classes, args.frames)
        yield f"something_{args.version}_{ours}.txt", lines, len(classes)


def main() -> int:
    parser = list_parser(__doc__, "something-something-VERSION-*.csv or .json", versions=("v1", "v2"))
    parser.add_argument(
        "--order", choices=split_files.ORDERS, help="The system whose order the classes have; v1 needs it."
    )
    args = parser.parse_args()
    if (args.order is None) == (args.version == "v1"):
        parser.error("--order: v1 needs it (MIT sorts the classes, mmaction2 does not), v2 has one order only")
    return write_lists(args.out, lambda: lists(args))


if __name__ == "__main__":
    sys.exit(main())
