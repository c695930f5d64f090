"""Write lists of UCF101 from its own split files.

example: python tools/prepare_ucf101.py ucfTrainTestlist lists --frames UCF101/jpg
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from split_lists import List, list_parser, write_lists

from paddle_tsm.data.split_files import ucf101_classes, ucf101_lines

SPLITS = (1, 2, 3)
FILES = {"train": "train", "test": "val"}  # UCF101's word for a part -> the word in the names of our lists


def lists(args: argparse.Namespace) -> Iterator[List]:
    """The lists of the chosen splits; where none is chosen, those whose files are there."""
    classes = ucf101_classes(os.path.join(args.splits, "classInd.txt"))
    names = [(split, theirs) for split in args.split or SPLITS for theirs in FILES]
    if not args.split:
        names = [(split, theirs) for split, theirs in names if os.path.exists(split_file(args, split, theirs))]
    if not names:
        raise ValueError(f"{args.splits}: holds no trainlist0N.txt and no testlist0N.txt")
    for split, theirs in names:
        lines = ucf101_lines(split_file(args, split, theirs), classes, args.frames)
        yield f"ucf101_{FILES[theirs]}_split_{split}.txt", lines, len(classes)


def split_file(args: argparse.Namespace, split: int, part: str) -> str:
    return os.path.join(args.splits, f"{part}list{split:02d}.txt")


def main() -> int:
    parser = list_parser(__doc__, "classInd.txt, trainlist0N.txt and testlist0N.txt")
    parser.add_argument(
        "--split",
        type=int,
        choices=SPLITS,
        action="append",
        help="Which of the splits to write; it may be given several times. Default: those that are there.",
    )
    args = parser.parse_args()
    return write_lists(args.out, lambda: lists(args))


if __name__ == "__main__":
    sys.exit(main())
