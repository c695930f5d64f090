"""What the programs that write a data set's lists have in common: their arguments, and how they write and report."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator

from paddle_tsm.data.split_files import write_list

List = tuple[str, list[str], int]  # the file's name, its lines, the number of classes


def list_parser(description: str, splits: str, versions: tuple[str, ...] = ()) -> argparse.ArgumentParser:
    """A parser with SPLITS, OUT and --frames; where the data set has versions, VERSION comes first.

    splits: what the folder SPLITS holds, in words.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if versions:
        parser.add_argument("version", choices=versions, help="The version of the data set.")
    parser.add_argument("splits", metavar="SPLITS", help=f"The folder with {splits}.")
    parser.add_argument("out", metavar="OUT", help="The folder to write the lists to.")
    parser.add_argument(
        "--frames",
        metavar="DIR",
        help="List the frame folders below DIR, with the number of frames in each. Default: list video files.",
    )
    return parser


def write_lists(out: str, lists: Callable[[], Iterator[List]]) -> int:
    """Write each of the lists to the folder `out` and print a line about it. Returns the program's exit code."""
    try:
        for name, lines, classes in lists():
            os.makedirs(out, exist_ok=True)
            path = os.path.join(out, name)
            write_list(path, lines)
            print(f"{path}: {len(lines)} clips, {classes} classes")
    except (ValueError, OSError) as error:
        program = os.path.splitext(os.path.basename(sys.argv[0]))[0]
        print(f"{program}: error: {error}", file=sys.stderr)
        return 2
    return 0
