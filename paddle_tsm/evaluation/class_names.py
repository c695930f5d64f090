"""The names of classes, read from a file that has one name on each line, in the order of the classes."""

from __future__ import annotations

import os


def read_class_names(path: str | os.PathLike, classes: int) -> list[str]:
    """The names in a file that has one for each of `classes` classes. Raises ValueError for another number of names,
    and the errors of `read_names`.
    """
    names = read_names(path)
    if len(names) != classes:
        raise ValueError(f"{path}: got {len(names)} names, wanted one for each of the {classes} classes")
    return names


def read_names(path: str | os.PathLike) -> list[str]:
    """The names in a file, one on each line. Empty lines are skipped.

    Raises ValueError for a file that has no name or is not text in UTF-8, and OSError where it cannot be read.
    """
    with open(path, encoding="utf-8-sig") as file:
        try:
            names = [line.strip() for line in file if line.strip()]
        except UnicodeDecodeError:
            raise ValueError(f"{path}: not text in UTF-8, wanted names of classes, one a line") from None
    if not names:
        raise ValueError(f"{path}: is empty, wanted names of classes, one a line")
    return names
