"""The folder of an export: it appears whole or not at all, and takes the place of nothing but an earlier export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from paddle_tsm.export.sidecar import NAME
from paddle_tsm.files.room import named_if_full


def check_free(folder: str) -> None:
    """Raise ValueError where `folder` holds anything but an earlier export, or has no place."""
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ValueError(f"{folder}: is a file; wanted a folder, which is made where there is none")
    if os.path.isdir(folder) and os.listdir(folder) and not os.path.isfile(os.path.join(folder, NAME)):
        raise ValueError(f"{folder}: holds files and no export; wanted an empty folder, or an export to replace")
    parent = os.path.dirname(os.path.abspath(folder))
    if not os.path.isdir(parent):
        raise ValueError(f"{parent}: no such folder; make it first")


@contextmanager
def new_folder(folder: str) -> Iterator[str]:
    """Yield an empty folder, which takes the name `folder` when the block ends well, and is removed otherwise.

    Raises OSError that names `folder` where the disk is full.
    """
    temporary = f"{folder}.{os.getpid()}.tmp"
    os.makedirs(temporary)
    try:
        with named_if_full(folder, temporary):
            yield temporary
        take_place(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def take_place(temporary: str, folder: str) -> None:
    """Rename the folder; an earlier one is removed only when the new one is there."""
    earlier = f"{temporary}.earlier"
    if os.path.isdir(folder):
        os.replace(folder, earlier)
    os.replace(temporary, folder)
    shutil.rmtree(earlier, ignore_errors=True)
