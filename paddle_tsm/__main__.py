"""`python -m paddle_tsm` is the command `paddle-tsm`.

Paddle's launcher cannot start a module, so it starts this file.
"""

import sys
from pathlib import Path

if not __package__:  # started as a file: the package's own folder would hide other modules that have its modules' names
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from paddle_tsm.cli import main

if __name__ == "__main__":
    sys.exit(main())
