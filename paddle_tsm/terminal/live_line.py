"""A line at the bottom of a terminal that says how things stand, and goes again."""

from __future__ import annotations

import shutil
import sys
import time

from paddle_tsm.terminal.literal_text import literal

INTERVAL = 0.1  # seconds between two states


class LiveLine:
    """Prints results on the standard output and, on a terminal, a line below them that is written anew in its place:
    on the standard output where that is a terminal, else on stderr where that is one.
    """

    def __init__(self) -> None:
        self._place = sys.stdout if sys.stdout.isatty() else sys.stderr
        self._terminal, self._shown, self._next = self._place.isatty(), False, 0.0

    def update(self, text: str) -> None:
        """Show how things stand now. A state that follows the one before it too fast is left out."""
        if self._terminal and time.monotonic() >= self._next:
            self._write(literal(text))
            self._shown, self._next = True, time.monotonic() + INTERVAL

    def print(self, text: str) -> None:
        """Print a result, which stays."""
        self.clear()
        print(literal(text), flush=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._write("")
            self._shown, self._next = False, 0.0

    def _write(self, text: str) -> None:
        from rich.cells import set_cell_size  # imported here, because only a terminal needs it

        width = shutil.get_terminal_size().columns - 1  # behind the last column a terminal would begin another line
        print(f"\r{set_cell_size(text, width)}", end="" if text else "\r", file=self._place, flush=True)
