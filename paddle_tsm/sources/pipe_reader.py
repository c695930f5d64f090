"""Standard input as a file that PyAV reads, and that does not wait for ever."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable

POLL = 0.2  # seconds between two looks at whether the program ends


class PipeReader:
    """Reads what is there, as soon as there is something.

    timeout: seconds without a byte after which TimeoutError is raised. stopped: whether to end as if the pipe were
    closed. Windows cannot wait for a pipe: there a read lasts until something comes. Raises ValueError where standard
    input is a terminal.
    """

    def __init__(self, timeout: float, stopped: Callable[[], bool]):
        if sys.stdin is None or sys.stdin.isatty():
            raise ValueError("is a terminal; wanted a video, as in `cat clip.mp4 | paddle-tsm ... -`")
        self._number, self._timeout, self._stopped = sys.stdin.fileno(), timeout, stopped

    def read(self, size: int) -> bytes:
        """At most `size` bytes; b"" at the end."""
        end = time.monotonic() + self._timeout
        while os.name == "posix" and not select.select([self._number], [], [], POLL)[0]:
            if self._stopped():
                return b""
            if time.monotonic() > end:
                raise TimeoutError(f"nothing came for {self._timeout:g} s")
        return os.read(self._number, size)
