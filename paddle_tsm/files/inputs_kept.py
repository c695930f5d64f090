"""No command writes over what it reads."""

from __future__ import annotations

import os
from collections.abc import Iterable


def keep_inputs(outputs: dict[str, object], inputs: Iterable, folders: dict[str, object] | None = None) -> None:
    """Raise ValueError, before anything is written, where an output would take the place of an input.

    outputs: what says where a file goes ("--out") -> its path, or None. inputs: paths of files and folders, None among
    them. folders: the same as outputs for folders that are replaced as a whole. An output may not be an input under any
    spelling, symbolic or hard link, nor lie in a folder that is one; a replaced folder may not hold one, either.
    """
    found = Places()
    files = {option: os.fspath(path) for option, path in outputs.items() if path is not None}
    replaced = {option: os.fspath(path) for option, path in (folders or {}).items() if path is not None}
    if not files and not any(map(os.path.isdir, replaced.values())):
        return
    for one in (os.fspath(path) for path in inputs if path is not None):
        there = found.identity(one)
        if there is None:
            continue
        for option, path in files.items():
            if there == found.identity(path):
                raise ValueError(f"{option}: {path} is {one}, which is read; wanted another place")
            if there in found.above(path):
                raise ValueError(f"{option}: {path} lies in {one}, which is read; wanted another place")
        for option, path in replaced.items():
            if found.identity(path) in (there, *found.above(one)):
                raise ValueError(
                    f"{option}: {path} is replaced as a whole and holds {one}, which is read; wanted another folder"
                )


class Places:
    """Files and folders by device and number, which links and spellings share."""

    def __init__(self):
        self._folders: dict[str, tuple] = {}

    @staticmethod
    def identity(path: str) -> tuple[int, int] | None:
        """Of what the path leads to; None where there is nothing."""
        try:
            stat = os.stat(path)
        except (OSError, ValueError):
            return None
        return stat.st_dev, stat.st_ino

    def above(self, path: str) -> tuple:
        """Every folder that `path` lies in, and every one that what it is a link to lies in. It need not exist."""
        return self.folders(os.path.dirname(os.path.abspath(path))) + self.folders(
            os.path.dirname(os.path.realpath(path))
        )

    def folders(self, folder: str) -> tuple:
        """The folder and those above it."""
        if folder not in self._folders:
            parent = os.path.dirname(folder)
            self._folders[folder] = (self.identity(folder), *(self.folders(parent) if parent != folder else ()))
        return self._folders[folder]
