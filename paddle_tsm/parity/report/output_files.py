"""The files of a comparison, claimed before it begins, so that no older file is ever taken for its outcome."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator

from paddle_tsm.files.kept_inputs import same_place
from paddle_tsm.parity.report.report_files import write_json_error, write_junit_error
from paddle_tsm.parity.report.report_folder import claimed_folder

UNFINISHED = "the comparison did not end: it is still running, or it was killed"

AnyPath = str | os.PathLike[str]
ErrorWriter = Callable[[str, AnyPath], None]  # (reason, path)


@contextlib.contextmanager
def claimed(
    inputs: Iterable[AnyPath], json: AnyPath | None = None, junit: AnyPath | None = None, report: AnyPath | None = None
) -> Iterator[None]:
    """While the block runs, the files `json` and `junit` say that the comparison did not end; where it fails, why.

    An older page in the folder `report` is removed. So is the folder itself, where it was made here and the block
    fails. inputs: the files that are read, none of which is written over. Raises ValueError, before the block runs, for
    a place that cannot be written to; the files that can be written then say so.
    """
    taken: list[tuple[AnyPath, ErrorWriter]] = []
    try:
        problems = []
        places: dict[str, tuple[AnyPath | None, ErrorWriter]] = {
            "--json": (json, write_json_error),
            "--junit": (junit, write_junit_error),
        }
        kept = list(inputs)
        for option, (path, write_error) in places.items():
            if path is None:
                continue
            try:
                claim(option, path, kept, write_error)
            except ValueError as error:
                problems.append(error)
            else:
                taken.append((path, write_error))
                kept.append(path)  # so that the other output is not the same file
        if problems:
            raise problems[0]
        with claimed_folder(report, kept):
            yield
    except BaseException as error:
        for path, write_error in taken:
            with contextlib.suppress(OSError):  # where it fails, the file still says that the comparison did not end
                write_error(reason_of(error), path)
        raise


def claim(option: str, path: AnyPath, kept: list[AnyPath], write_error: ErrorWriter) -> None:
    """Replace what is at `path` by UNFINISHED. Raises ValueError where this cannot be done, and where `path` is one of
    the files `kept`.
    """
    for other in kept:
        if same_place(path, other):
            raise ValueError(f"{option} {path}: is also {other}, which would be lost; name another file")
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{option} {path}: is not a file that can be replaced; name another one")
    try:
        write_error(UNFINISHED, path)
    except OSError as error:
        raise ValueError(f"{option} {path}: cannot be written: {error.strerror or error}") from error


def reason_of(error: BaseException) -> str:
    """An exception in one line, as the command prints it."""
    text = " ".join(str(error).split())
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, SystemExit):
        return f"ended by a signal, with exit code {text}"
    return text if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {text}"
