"""Whether there is room for a file: asked before long work, and of libraries that do not say that a disk is full."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator

PROBE = 16  # blocks of 4096 bytes, together as many as libraries write at once


def check_room(path: str | os.PathLike, folder: str | os.PathLike | None = None) -> None:
    """Raise OSError that names `path` where nothing can be written to its folder, or the disk is full.

    folder: where the file is written at first; None: in the folder of `path`.
    """
    path = os.fspath(path)
    place = os.fspath(folder or os.path.dirname(os.path.realpath(path)))
    try:
        # The file has no name where the system can do that, so that nothing is left, whatever happens.
        with tempfile.TemporaryFile(dir=place, buffering=0) as probe:
            for _ in range(PROBE):
                probe.write(bytes(4096))
            os.fsync(probe.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


@contextlib.contextmanager
def named_if_full(path: str | os.PathLike, folder: str | os.PathLike) -> Iterator[None]:
    """Where the block fails and the disk of `folder` is full, raise OSError that says so and names `path`.

    folder: where the block writes what becomes `path`. Libraries hide the reason: they read half a file back, and call
    it damaged.
    """
    try:
        yield
    except Exception as error:  # what writes here may call a full disk by any name; none is hidden
        if not isinstance(error, OSError) or error.errno != errno.ENOSPC:
            check_room(path, folder)
            raise
        raise OSError(error.errno, os.strerror(errno.ENOSPC), os.fspath(path)) from None
