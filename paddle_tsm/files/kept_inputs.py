"""A check that no command writes over a file that it reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

Paths = Mapping[str, str | os.PathLike | None]  # by the option that names each


def keep_inputs(outputs: Paths, inputs: Iterable, folders: Paths | None = None) -> None:
    """Raise ValueError, before anything is written, where an output would replace an input.

    outputs: {option that names a file to write ("--out"): its path or None}. folders: the same for folders that are
    replaced as a whole. inputs: paths of files and folders that are read; None is left out.

    An output must not be an input under any spelling, symbolic link or hard link, nor lie in a folder that is an
    input. A replaced folder must not be an input, nor hold one.
    """
    ids = FileIds()
    files = {option: os.fspath(path) for option, path in outputs.items() if path is not None}
    replaced = {option: os.fspath(path) for option, path in (folders or {}).items() if path is not None}
    if not files and not any(map(os.path.isdir, replaced.values())):
        return
    for one in (os.fspath(path) for path in inputs if path is not None):
        there = ids.identity(one)
        if there is None:
            continue
        for option, path in files.items():
            if there == ids.identity(path):
                raise ValueError(f"{option}: {path} is {one}, which is read; wanted another place")
            if there in ids.above(path):
                raise ValueError(f"{option}: {path} lies in {one}, which is read; wanted another place")
        for option, path in replaced.items():
            if ids.identity(path) in (there, *ids.above(one)):
                raise ValueError(
                    f"{option}: {path} is replaced as a whole and holds {one}, which is read; wanted another folder"
                )


def same_place(a: str | os.PathLike, b: str | os.PathLike) -> bool:
    """Whether two paths lead to one file, under any spelling, symbolic link or hard link. Neither file need exist."""
    there = FileIds.identity(os.fspath(a))
    if there is not None and there == FileIds.identity(os.fspath(b)):
        return True
    return os.path.realpath(a) == os.path.realpath(b)


class FileIds:
    """Identifies files and folders by device and inode number, which every spelling of a path and every link share."""

    def __init__(self) -> None:
        self._folders: dict[str, tuple] = {}

    @staticmethod
    def identity(path: str) -> tuple[int, int] | None:
        """(device, inode) of what the path leads to; None where there is nothing."""
        try:
            stat = os.stat(path)
        except (OSError, ValueError):
            return None
        return stat.st_dev, stat.st_ino

    def above(self, path: str) -> tuple:
        """The identities of all folders above `path` and, where it is a link, above its target. It need not exist."""
        written, target = os.path.abspath(path), os.path.realpath(path)
        return self.folders(os.path.dirname(written)) + self.folders(os.path.dirname(target))

    def folders(self, folder: str) -> tuple:
        """The identities of the folder and of all folders above it."""
        if folder not in self._folders:
            parent = os.path.dirname(folder)
            self._folders[folder] = (self.identity(folder), *(self.folders(parent) if parent != folder else ()))
        return self._folders[folder]
