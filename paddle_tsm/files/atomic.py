"""Files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[str]:
    """Yield the name of an empty temporary file that is renamed to `path` when the block succeeds, and removed
    otherwise.

    The block can read back what it wrote, so that a file that fails its own check never takes the name. The temporary
    file is called .NAME.*.tmp and lies in the same folder, because a rename is atomic only within one file system. It
    is flushed to disk before the rename. A symbolic link keeps pointing at its target, which is replaced. The
    permissions are those that `open` gives. Raises OSError, also where `path` is a folder.
    """
    path = os.path.realpath(path)
    if os.path.isdir(path):
        raise IsADirectoryError(21, os.strerror(21), path)
    folder, name = os.path.split(path)
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"{os.strerror(errno.ENOENT)}; make the folder first", folder)
    temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        # Not tempfile.mkstemp: its files are readable by their owner only, whatever the umask says.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename is None and error.errno == errno.ENOSPC:
            error.filename = path  # writing to an open file names none
        raise
    _flush_folder(folder)


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Yield a binary file open for writing (and reading) that becomes `path` on success; see `atomic_path`."""
    with atomic_path(path) as temporary, open(temporary, "w+b") as file:
        yield file


def _flush_folder(folder: str) -> None:
    """Flush the rename itself to disk. Some systems cannot flush a folder; the file is complete all the same."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
