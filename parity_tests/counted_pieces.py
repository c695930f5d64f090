"""`paddle-tsm`, with a line in the file COUNTED for each piece of a list that is worked on and that is kept.

A line is "scored" or "kept", the network's folder, and the number of the piece. PAUSE: seconds to wait after a piece.
SLOW: the number of the only process that waits.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from paddle_tsm.cli import main
from paddle_tsm.processes import list_work

keep = list_work.write_piece


def note(*words) -> None:
    with open(os.environ["COUNTED"], "a") as file:
        file.write(" ".join(map(str, words)) + "\n")  # one write, and Linux appends it as a whole


def counted(folder, number, result):
    note("scored", os.path.basename(folder), number)
    keep(folder, number, result)
    note("kept", os.path.basename(folder), number)
    if os.environ.get("SLOW") in (None, os.environ.get("PADDLE_TRAINER_ID")):
        time.sleep(float(os.environ["PAUSE"]))


list_work.write_piece = counted
sys.exit(main())
