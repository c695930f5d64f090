"""`paddle-tsm`, with a line in the file COUNTED for each file of features that is written.

PAUSE: seconds to wait after each.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from paddle_tsm.cli import main
from paddle_tsm.inference import feature_files

write = feature_files.write_clip


def counted(*arguments):
    row = write(*arguments)
    with open(os.environ["COUNTED"], "a") as file:
        file.write(f"{row[3]}\n")  # one write, and Linux appends it as a whole
    time.sleep(float(os.environ["PAUSE"]))
    return row


feature_files.write_clip = counted
sys.exit(main())
