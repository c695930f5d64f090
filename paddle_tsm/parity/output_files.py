"""The files of a comparison, claimed before it begins: no older file is taken for its outcome, whatever becomes of it."""

from __future__ import annotations

import contextlib
import os
import tempfile

from paddle_tsm.parity.report_files import write_json_error, write_junit_error

UNFINISHED = "the comparison did not end: it is still running, or it was killed"
PAGE = "index.html"
PLOTS = ("forward_error", "gradient_error", "losses", "loss_difference", "float32_gap")  # of `report_page.draw`
MARK = b"<h1>paddle-tsm parity</h1>"  # of a page that is ours


@contextlib.contextmanager
def claimed(inputs, json=None, junit=None, report=None):
    """While the block runs, the files `json` and `junit` say that the comparison did not end; where it fails, why. An
    older page in the folder `report` goes, and the folder itself where it was made here and the block fails.

    inputs: the files that are read, none of which is written over. Raises ValueError, before the block runs, for a
    place that cannot be written to; the others say so.
    """
    taken = []
    try:
        problems = []
        places = {"--json": (json, write_json_error), "--junit": (junit, write_junit_error)}
        read = list(inputs)
        for option, (path, write) in places.items():
            if path is None:
                continue
            try:
                claim(option, path, read, write)
            except ValueError as error:
                problems.append(error)
            else:
                taken.append((path, write))
                read.append(path)  # so that the two are not one file
        if problems:
            raise problems[0]
        with report_folder(report, read):
            yield
    except BaseException as error:
        for path, write in taken:
            with contextlib.suppress(OSError):  # where it fails, the file still says that the comparison did not end
                write(reason_of(error), path)
        raise


def claim(option: str, path, read: list, write) -> None:
    """Replace what is at `path` by UNFINISHED. Raises ValueError where that cannot be, or where `path` is one of
    `read`.
    """
    for other in read:
        if one_file(path, other):
            raise ValueError(f"{option} {path}: is also {other}, which would be lost; name another file")
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{option} {path}: is not a file that can be replaced; name another one")
    try:
        write(UNFINISHED, path)
    except OSError as error:
        raise ValueError(f"{option} {path}: cannot be written: {error.strerror or error}") from error


def one_file(a, b) -> bool:
    """Whether two paths lead to one file, by name or by a link."""
    with contextlib.suppress(OSError):
        return os.path.samefile(a, b)
    return os.path.realpath(a) == os.path.realpath(b)


def reason_of(error: BaseException) -> str:
    """An exception in one line, as the command prints it."""
    text = " ".join(str(error).split())
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, SystemExit):
        return f"ended by a signal, with exit code {text}"
    return text if isinstance(error, (ValueError, OSError)) else f"{type(error).__name__}: {text}"


@contextlib.contextmanager
def report_folder(folder, read):
    """The folder of the page, made where it is not there and without an older page. Raises ValueError where it cannot
    be written to, or holds a page that is not ours.
    """
    if folder is None:
        yield
        return
    page = os.path.join(folder, PAGE)
    if any(one_file(page, path) for path in read):
        raise ValueError(f"--report {folder}: its {PAGE} is another file of this command; name another folder")
    made = []
    try:
        make_folder(folder, made)
        remove_page(folder)
        yield
    except BaseException:
        with contextlib.suppress(OSError, ValueError):
            remove_page(folder)
        for path in reversed(made):
            with contextlib.suppress(OSError):  # it is not empty, and stays
                os.rmdir(path)
        raise


def make_folder(folder, made: list[str]) -> None:
    """Make `folder` and those above it; `made` gets each that was not there, the outermost first."""
    missing, path = [], os.path.abspath(folder)
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    try:
        for path in reversed(missing):
            os.mkdir(path)
            made.append(path)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"--report {folder}: cannot be written to: {error.strerror or error}") from error


def remove_page(folder) -> None:
    """Remove an older page and its plots. Raises ValueError for a page that paddle-tsm did not write."""
    page = os.path.join(folder, PAGE)
    try:
        with open(page, "rb") as file:
            ours = MARK in file.read()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ValueError(f"--report {folder}: {PAGE} cannot be read: {error.strerror or error}") from error
    if not ours:
        raise ValueError(f"--report {folder}: holds an {PAGE} that is not a page of parity; name another folder")
    for name in (PAGE, *(f"{plot}.png" for plot in PLOTS)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))
