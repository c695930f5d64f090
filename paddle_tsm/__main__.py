"""`python -m paddle_tsm` is the command `paddle-tsm`, whose entry point this is.

Paddle's launcher cannot start a module, so it starts this file.
"""

import sys
from pathlib import Path

if not __package__:  # started as a file: the package's own folder would hide other modules that have its modules' names
    sys.path[0] = str(Path(__file__).resolve().parent.parent)


def start() -> int:
    """Run the command. Ctrl-C is told in one line from the first import on, which takes most of a second."""
    try:
        from paddle_tsm.runtime import interrupt_afterwards

        with interrupt_afterwards():  # inside, NumPy would turn it into an ImportError
            from paddle_tsm.cli import main

        return main()
    except KeyboardInterrupt:
        print("paddle-tsm: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(start())
