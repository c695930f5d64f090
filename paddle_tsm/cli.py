"""The command `paddle-tsm`. Each sub-command is one module of `paddle_tsm.commands`."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from types import FrameType

from paddle_tsm import runtime
from paddle_tsm.commands import (
    ablation,
    convert,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    features,
    inspect,
    parity,
    predict,
    prepare,
    stream,
    train,
)
from paddle_tsm.commands.help_text import HelpFormatter, examples
from paddle_tsm.commands.version import PrintVersions
from paddle_tsm.terminal.literal_text import literal

COMMANDS = (
    inspect,
    convert,
    parity,
    predict,
    stream,
    explain,
    features,
    prepare,
    train,
    evaluate,
    export,
    ablation,
    doctor,
    demo,
)


class Refused(Exception):
    """`parser` refused the command line. The text of the exception is the reason."""

    def __init__(self, parser: argparse.ArgumentParser, message: str):
        super().__init__(message)
        self.parser = parser


class Terminated(SystemExit):
    """SIGTERM came."""

    code: int


def terminate(number: int, frame: FrameType | None) -> None:
    """Handle SIGTERM, so that it, too, removes a half-written file."""
    raise Terminated(128 + number)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises `Refused` where argparse ends the process, so that `main` can act on it first.

    Arguments can be the names of other people's files (a shell puts them in for `*`), so errors print them literally.
    """

    def error(self, message: str):
        raise Refused(self, literal(message))


def command_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, with every sub-command."""
    parser = Parser(
        prog="paddle-tsm",
        description="TSM video recognition for PaddlePaddle, held number for number against PyTorch.",
        epilog=examples(
            "paddle-tsm demo",
            "paddle-tsm convert tsm_r50_mmaction2.pth tsm_r50.safetensors",
            "paddle-tsm parity tsm_r50_mmaction2.pth tsm_r50.safetensors --video clip.mp4",
        )
        + "\n\n`paddle-tsm COMMAND --help` describes a command and its options.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "--version", action=PrintVersions, help="Print the versions of paddle-tsm, PaddlePaddle and PyTorch, and exit."
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run a sub-command and return its exit code.

    0: done. 1: the results that were compared differ. 2: a mistake of the user, told in one line on stderr.
    130: Ctrl-C. 141: what read the output has ended, as `head` does. Other codes above 128: ended by a signal.
    """
    print_every_character()
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        args = command_parser().parse_args(words)
    except Refused as refused:
        if words[:1] == ["parity"]:
            parity.write_refusal(words[1:], str(refused))
        return argparse.ArgumentParser.error(refused.parser, str(refused))  # ends the process with exit code 2
    runtime.prepare()  # decoding and converting use the allocator too
    os.environ.setdefault("GLOG_minloglevel", "2")  # hides Paddle's notes on its own graphs
    signal.signal(signal.SIGTERM, terminate)
    try:
        code = args.run(args)
        sys.stdout.flush()  # here, where a reader that has ended is no traceback
        return code
    except BrokenPipeError:
        return ended_reader()
    except (ValueError, OSError) as error:
        print(f"paddle-tsm {args.command}: error: {literal(str(error).strip())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"paddle-tsm {args.command}: interrupted", file=sys.stderr)
        return 130
    except Terminated as terminated:
        print(f"paddle-tsm {args.command}: terminated", file=sys.stderr)
        return terminated.code


def ended_reader() -> int:
    """The exit code where nothing reads stdout any more. What Python would write there while it ends goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + 13  # SIGPIPE, which Windows does not have


def print_every_character() -> None:
    """Print characters that the output's encoding lacks as escapes such as \\u65e5, where Python would raise.

    A class or a file may have any name. A stream that already has another way to handle such characters keeps it.
    """
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper) and output.errors == "strict":
            output.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
