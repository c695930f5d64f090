"""The command `paddle-tsm`: one module a sub-command in `paddle_tsm.commands`."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from paddle_tsm import runtime
from paddle_tsm.commands import convert, demo, doctor, evaluate, export, inspect, parity, predict, stream, train

COMMANDS = (inspect, convert, parity, predict, stream, train, evaluate, export, doctor, demo)


def main(argv: list[str] | None = None) -> int:
    """Run a sub-command. Returns the exit code: 0, 1 (parity: differs), 2 (a user's mistake, one line on stderr)."""
    parser = argparse.ArgumentParser(
        prog="paddle-tsm",
        description="TSM video recognition for PaddlePaddle, held number for number against PyTorch.",
        epilog="example: paddle-tsm parity tsm_r50.pth --video clip.mp4",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    args = parser.parse_args(argv)
    runtime.prepare()  # decoding and converting use the allocator too
    os.environ.setdefault("GLOG_minloglevel", "2")  # Paddle's notes on its own graphs
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a half-written file is removed then, too
    try:
        return args.run(args)
    except (ValueError, OSError) as error:
        text = " ".join(str(error).split())
        print(f"paddle-tsm {args.command}: error: {text}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"paddle-tsm {args.command}: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
