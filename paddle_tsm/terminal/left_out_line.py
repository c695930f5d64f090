"""A line that a library writes to the standard output by itself, below Python, left out."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from threading import Lock

STDOUT = 1  # the file descriptor, which C++ writes to as well
_turn = Lock()  # the descriptor is the whole process's


@contextlib.contextmanager
def left_out(line: bytes) -> Iterator[None]:
    """Leave `line` out of what is written to the standard output inside the block. All else is written behind it.

    Where the output cannot be looked through, because it is closed or no temporary file can be made, it stays as it is.
    """
    with _turn, contextlib.ExitStack() as stack:
        try:
            written = stack.enter_context(tempfile.TemporaryFile())
            kept = os.dup(STDOUT)
        except OSError:
            yield
            return
        stack.callback(os.close, kept)
        os.dup2(written.fileno(), STDOUT)
        try:
            yield
        finally:
            os.dup2(kept, STDOUT)
            written.seek(0)
            if rest := b"".join(one for one in written if one.rstrip() != line):
                os.write(STDOUT, rest)
