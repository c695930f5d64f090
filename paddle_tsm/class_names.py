"""The names of classes: a text file with one a line, in the order of the network's outputs."""

from __future__ import annotations


def read_class_names(path: str | None, num_classes: int) -> list[str]:
    """The names in the file `path`; "class 0", "class 1", ... without one.

    Raises ValueError for another number of names than `num_classes`.
    """
    if path is None:
        return [f"class {i}" for i in range(num_classes)]
    with open(path, encoding="utf-8-sig") as file:
        try:
            names = [line.strip() for line in file if line.strip()]
        except UnicodeDecodeError:
            raise ValueError(f"{path}: not text in UTF-8; wanted a class name on each line") from None
    if len(names) != num_classes:
        raise ValueError(f"{path}: got {len(names)} class names, wanted {num_classes}, the network's classes")
    return names
