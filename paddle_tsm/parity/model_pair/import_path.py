"""Objects of the caller's own Python files, named on a command line as "package.module:name"."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paddle_tsm.parity.model_pair.error_place import error_line


def imported(option: str, path: str) -> Any:
    """The object that `path` names. Modules are found from the current folder, too, as `python -m` finds them.

    option: what the caller gave the path to, for messages. Raises ValueError, in one line, for a path of another form,
    for a module or name that is not there, and for any error while the module is imported.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name or module_name.endswith(".py") or os.sep in module_name:
        raise ValueError(f"{option}: got {path!r}, wanted MODULE:NAME, such as mine:model for model in mine.py")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found: Any = import_module(f"{option} {path}", module_name)
    for word in name.split("."):
        if not hasattr(found, word):
            close = difflib.get_close_matches(word, dir(found), 1)
            hint = f"; it has {close[0]!r}" if close else ""
            raise ValueError(f"{option} {path}: {module_name} has no {name!r}{hint}")
        found = getattr(found, word)
    return found


def import_module(subject: str, name: str) -> Any:
    """The module. Raises ValueError with the subject in front where it cannot be imported."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):  # the module itself, not one that it imports
            where = "neither in the current folder nor installed"
            raise ValueError(f"{subject}: found no module {error.name!r}, {where}") from error
        raise ValueError(f"{subject}: importing {name} failed: {error_line(error)}") from error
    except (Exception, SystemExit) as error:
        raise ValueError(f"{subject}: importing {name} failed: {error_line(error)}") from error


def guarded(subject: str, function: Callable) -> Callable:
    """The function, whose errors are a ValueError in one line that begins with the subject."""

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (Exception, SystemExit) as error:
            raise ValueError(f"{subject}: calling it failed: {error_line(error)}") from error

    return call


def imported_model(option: str, path: str) -> Any:
    """The model that `path` names, or a function that makes it where it names a function or a class."""
    found = imported(option, path)
    is_model = hasattr(found, "state_dict") and not isinstance(found, type)
    return found if is_model or not callable(found) else guarded(f"{option} {path}", found)


def imported_function(option: str, path: str) -> Any:
    """What `path` names; where it can be called, its errors are told in one line."""
    found = imported(option, path)
    return guarded(f"{option} {path}", found) if callable(found) else found


def source_files(paths: list[str]) -> list[Path]:
    """The files in the current folder that may hold the modules of these paths."""
    modules = [path.partition(":")[0].replace(".", "/") for path in paths]
    return [Path(f"{module}{end}") for module in modules for end in (".py", "/__init__.py")]
