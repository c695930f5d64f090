"""Names of classes, from a file with one a line, in the classes' order."""

from __future__ import annotations


def read_class_names(path, classes: int) -> list[str]:
    """The names in a file, one for each of `classes` classes; see `read_names`. Raises ValueError for another number of
    names.
    """
    names = read_names(path)
    if len(names) != classes:
        raise ValueError(f"{path}: got {len(names)} names, wanted one for each of the {classes} classes")
    return names


def read_names(path) -> list[str]:
    """The names in a file, one a line; empty lines are skipped.

    Raises ValueError for a file without a name, or that is no text in UTF-8, OSError where it cannot be read.
    """
    with open(path, encoding="utf-8-sig") as file:
        try:
            names = [line.strip() for line in file if line.strip()]
        except UnicodeDecodeError:
            raise ValueError(f"{path}: not text in UTF-8, wanted names of classes, one a line") from None
    if not names:
        raise ValueError(f"{path}: is empty, wanted names of classes, one a line")
    return names
