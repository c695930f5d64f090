"""`paddle-tsm prepare`: what a training needs before it can begin. Each kind is one module."""

from __future__ import annotations

from paddle_tsm.commands import prepare_flow, prepare_lists
from paddle_tsm.commands.help_text import add_command


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "prepare",
        "Write the lists of a data set, or compute the optical flow of a list.",
        "ucf101 | something | flow",
        (
            "Write the lists of UCF101 or Something-Something from the data set's own split files, or compute the "
            "optical flow of a list of clips.",
            "`paddle-tsm prepare ucf101 --help` and so on describe each of them.",
        ),
        (
            "paddle-tsm prepare ucf101 ucfTrainTestlist --out lists",
            "paddle-tsm prepare something v2 labels --out lists",
            "paddle-tsm prepare flow train.txt --root videos --out flow",
        ),
    )
    kinds = parser.add_subparsers(
        dest="what", required=True, metavar="WHAT", prog="paddle-tsm prepare", help="What to prepare."
    )
    prepare_lists.add_ucf101_parser(kinds)
    prepare_lists.add_something_parser(kinds)
    prepare_flow.add_parser(kinds)
