"""Where in the caller's own files an error was raised."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path

OURS = Path(__file__).resolve().parents[2]


def error_line(error: BaseException) -> str:
    """The error in one line: "NameError: name 'x' is not defined (mine.py, line 3)"."""
    text = " ".join(str(error).split())[:400]
    place = place_of(error)
    return f"{type(error).__name__}{': ' if text else ''}{text}{f' ({place})' if place else ''}"


def place_of(error: BaseException) -> str:
    """The innermost line of the error's traceback that is neither ours nor of an installed package; "" for none."""
    installed = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename).resolve()
        if not frame.filename.startswith("<") and not any(file.is_relative_to(folder) for folder in (OURS, *installed)):
            return f"{short(file)}, line {frame.lineno}"
    return ""


def short(file: Path) -> str:
    """The path from the current folder where it lies in it, else as it is."""
    return str(file.relative_to(os.getcwd())) if file.is_relative_to(os.getcwd()) else str(file)
