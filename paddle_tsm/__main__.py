"""`python -m paddle_tsm`: the command from a checkout; Paddle's launcher, which takes no module, starts this very file."""

import sys
from pathlib import Path

if not __package__:  # started as a file: its own folder would hide other modules of these names
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from paddle_tsm.cli import main

if __name__ == "__main__":
    sys.exit(main())
