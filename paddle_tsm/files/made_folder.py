"""A folder for results, which does not stay where there are none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def made_folder(path: str | os.PathLike) -> Iterator[None]:
    """Make the folder at `path`, and those above it, for the block; where the block fails, remove those that were made
    here and are still empty. Raises OSError where it cannot be made.
    """
    missing, folder = [], os.path.abspath(path)
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    try:
        os.makedirs(path, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:  # the innermost first
            with contextlib.suppress(OSError):  # it is not empty, or was never made
                os.rmdir(folder)
        raise
