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

FILES = {"train": "train", "test": "val"}  # UCF101's word for a part -> the word in the names of our lists


def lists(args: argparse.Namespace) -> Iterator[List]:
    """The lists of the chosen splits."""
    classes = ucf101_classes(os.path.join(args.splits, "classInd.txt"))
    for split in args.split or (1, 2, 3):
        for theirs, ours in FILES.items():
            lines = ucf101_lines(os.path.join(args.splits, f"{theirs}list{split:02d}.txt"), classes, args.frames)
            yield f"ucf101_{ours}_split_{split}.txt", lines, len(classes)


def main() -> int:
    parser = list_parser(__doc__, "classInd.txt, trainlist0N.txt and testlist0N.txt")
    parser.add_argument(
        "--split",
        type=int,
        choices=(1, 2, 3),
        action="append",
        help="Which of the splits to write; it may be given several times. Default: all.",
    )
    args = parser.parse_args()
    return write_lists(args.out, lambda: lists(args))


if __name__ == "__main__":
    sys.exit(main())
