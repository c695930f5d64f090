"""Names of classes, from a file with one a line, in the classes' order."""

from __future__ import annotations


def read_class_names(path, classes: int) -> list[str]:
    """The names in a file, one for each of `classes` classes; empty lines are skipped.

    Raises ValueError for another number of names or a file that is no text in UTF-8, OSError where it cannot be read.
    """
    with open(path, encoding="utf-8-sig") as file:
        try:
            names = [line.strip() for line in file if line.strip()]
        except UnicodeDecodeError:
            raise ValueError(f"{path}: not text in UTF-8, wanted names of classes, one a line") from None
    if len(names) != classes:
        raise ValueError(f"{path}: got {len(names)} names, wanted one for each of the {classes} classes")
    return names


def class_names(path, classes: int) -> list[str]:
    """The names in the file; "class 0", "class 1", ... where `path` is None."""
    return [f"class {i}" for i in range(classes)] if path is None else read_class_names(path, classes)
