"""The command `paddle-tsm`: one module a sub-command in `paddle_tsm.commands`."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys

from paddle_tsm import runtime
from paddle_tsm.commands import (
    convert,
    demo,
    doctor,
    evaluate,
    export,
    inspect,
    parity,
    predict,
    stream,
    train,
)
from paddle_tsm.terminal.literal_text import literal

COMMANDS = (inspect, convert, parity, predict, stream, train, evaluate, export, doctor, demo)


class Refused(Exception):
    """The command line is not one of `parser`; the reason is the text."""

    def __init__(self, parser: argparse.ArgumentParser, message: str):
        super().__init__(message)
        self.parser = parser


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose refusals `main` sees before they end the process.

    Arguments may be the names of a stranger's files, as those that a shell makes of `*`: errors show them literally.
    """

    def error(self, message: str):
        raise Refused(self, literal(message))


def command_parser() -> argparse.ArgumentParser:
    """The parser of the command line, every sub-command's in it."""
    parser = Parser(
        prog="paddle-tsm",
        description="TSM video recognition for PaddlePaddle, held number for number against PyTorch.",
        epilog="example: paddle-tsm parity tsm_r50.pth --video clip.mp4",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run a sub-command. Returns the exit code: 0, 1 (parity: differs), 2 (a user's mistake, one line on stderr), 128
    and more (ended by a signal).
    """
    print_every_character()
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        args = command_parser().parse_args(words)
    except Refused as refused:
        if words[:1] == ["parity"]:
            parity.write_refusal(words[1:], str(refused))
        return argparse.ArgumentParser.error(refused.parser, str(refused))  # which ends the process with exit code 2
    runtime.prepare()  # decoding and converting use the allocator too
    os.environ.setdefault("GLOG_minloglevel", "2")  # Paddle's notes on its own graphs
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a half-written file is removed then, too
    try:
        return args.run(args)
    except (ValueError, OSError) as error:
        print(f"paddle-tsm {args.command}: error: {literal(str(error).strip())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"paddle-tsm {args.command}: interrupted", file=sys.stderr)
        return 130


def print_every_character() -> None:
    """Have what a terminal's or a pipe's encoding lacks printed as \\u65e5 and the like, where Python would raise: a
    class or a file may have any name. Streams that replace or keep such characters already stay as they are.
    """
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper) and output.errors == "strict":
            output.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
