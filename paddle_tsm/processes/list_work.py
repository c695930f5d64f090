"""Work on the items of a long list: shared out over processes, and kept piece by piece, so that it can be gone on with.

The list is cut into pieces of successive items, by the length of the list alone. A piece is worked on as a whole, by
one process. What is computed together, as the clips of a batch are, is then the same however many processes there are
and whether or not the work was broken off. So are the results, to the bit, where a process has as many threads as then.

A finished piece is a file in a folder, which appears whole or not at all. After processes were killed, `--resume` works
on the pieces that have no file: no finished piece is worked on again. Of the piece that a process had in hand when it
was killed nothing is kept. It is worked on again as a whole, and is in the results once, as every piece is.

How a command uses it:

    processes = join()
    with processes.first_prints():
        pieces = pieces_of(len(items), unit=batch)
        about = {"weights": sha256_of(path), "batch": batch}
        with kept_work(processes, folder, about, resume, remark):
            results = work_through(pieces, work, processes, folder)  # work: yields a PieceResult for each of its pieces
            if processes.is_first:
                ...  # write what all the results together are
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.processes.processes import Processes

MOST_PIECES = 1000  # which limits the number of files
ABOUT = "about.json"  # what the work is: two works that differ in it do not share pieces
PIECE = r"\d{4,}\.npz|\.\d{4,}\.npz\.\d+-[0-9a-f]{8}\.tmp"  # a piece's file, and what `atomic_path` calls it before
FACTS = "facts"  # the name, in a piece's file, of what is no array


@dataclass(frozen=True)
class PieceResult:
    """What the work on one piece gave. arrays: by name. facts: anything that JSON can hold."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    facts: Any = None


Work = Callable[[Sequence[range]], Iterator[PieceResult]]


def pieces_of(count: int, unit: int = 1) -> list[range]:
    """The pieces of a list of `count` items, in its order: each the places of `unit` items or, in a long list, of
    a multiple of `unit`, so that there are at most MOST_PIECES; the last one may be shorter.

    unit: the number of items after which nothing is left half full, such as the clips of a batch.
    """
    size = unit * max(1, -(-count // (unit * MOST_PIECES)))
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def work_through(
    pieces: Sequence[range], work: Work, processes: Processes, folder: str | None = None
) -> list[PieceResult]:
    """The result of each piece, in the order of the list, in the first process; [] in the others.

    All processes must call this together. work: is called once, with those pieces of this process that are left, and
    yields their results in that order, each as soon as it is there; it is not called where none is left. folder: where
    the finished pieces are kept, a folder that all processes see and that is made where it is missing; None: they are
    in memory only, and are sent to the first process. Raises ValueError where another process has ended.
    """
    finished = processes.from_first(lambda: finished_pieces(folder, len(pieces)))
    share = processes.share([number for number in range(len(pieces)) if number not in finished])
    kept: dict[int, PieceResult] = {}
    if share:
        for number, result in zip(share, work([pieces[number] for number in share]), strict=True):
            if folder is None:
                kept[number] = result
            else:
                write_piece(folder, number, result)
    processes.meet()
    everyones = processes.gather(kept)  # with a folder nothing is sent
    if not processes.is_first:
        return []
    if folder is None:
        found = {number: result for one in everyones for number, result in one.items()}
        return [found[number] for number in range(len(pieces))]
    return [read_piece(folder, number) for number in range(len(pieces))]


@contextlib.contextmanager
def kept_work(
    processes: Processes, folder: str | None, about: dict[str, Any], resume: bool, remark: Callable[[str], None]
) -> Iterator[None]:
    """Keep finished pieces in `folder`, and in folders in it, inside the block, which all processes must enter.

    Where the block ends well, what was kept is removed, because the block has written the results. Otherwise the
    finished pieces stay, and `remark` is called with a line that says so; without a finished piece nothing stays.

    folder: None to keep nothing. about: what decides the results, by names that a user knows, with values that JSON can
    hold. Raises ValueError where the folder has what an unfinished work has done and `resume` is False, or where that
    work was another one. With `resume` and without such a folder the work begins.
    """
    if folder is None:
        yield
        return
    processes.from_first(lambda: begin(folder, about, resume))
    try:
        yield
    except BaseException:
        if processes.is_first:
            if any(kept_files(folder)):
                remark(f"{folder}: holds what is done; the same command with --resume goes on")
            else:
                forget(folder)
        raise
    if processes.is_first:
        forget(folder)


def begin(folder: str, about: dict[str, Any], resume: bool) -> None:
    """Make the folder, or check that what it holds is to be gone on with."""
    path, about = os.path.join(folder, ABOUT), json.loads(json.dumps(about))
    if not os.path.exists(path):
        forget(folder)  # it may have been about to be removed when a process was killed
        os.makedirs(folder, exist_ok=True)
        with atomic_file(path) as file:
            file.write(json.dumps(about, indent=2).encode())
        return
    if not resume:
        raise ValueError(
            f"{folder}: holds what an unfinished run has done; --resume goes on with it, another --out starts anew"
        )
    with open(path, encoding="utf-8") as file:
        before = json.load(file)
    for name in {**before, **about}:
        if before.get(name) != about.get(name):
            raise ValueError(
                f"--resume: {folder} was begun with {name} {before.get(name)}, got {about.get(name)}; wanted the same, "
                "or another --out"
            )


def kept_files(folder: str) -> Iterator[str]:
    """The pieces in the folder and in folders in it, also those that a killed process was writing."""
    for inside, _, names in os.walk(folder):
        yield from (os.path.join(inside, name) for name in names if re.fullmatch(PIECE, name))


def forget(folder: str) -> None:
    """Remove the pieces, then what says whose they are, and then the folders, unless they hold anything else."""
    inner = sorted({os.path.dirname(path) for path in kept_files(folder)} - {folder}, key=len, reverse=True)
    for path in [*kept_files(folder), os.path.join(folder, ABOUT)]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    for path in [*inner, folder]:
        with contextlib.suppress(OSError):  # it is not empty, or not there
            os.rmdir(path)


def piece_file(folder: str, number: int) -> str:
    """Where the piece with this number, counted from 0, is kept."""
    return os.path.join(folder, f"{number:04d}.npz")


def finished_pieces(folder: str | None, count: int) -> set[int]:
    """The numbers of the pieces that are finished, of `count`. A file that is damaged is none. Temporary files that a
    killed process left are removed. The folder is made where it is missing.
    """
    if folder is None:
        return set()
    os.makedirs(folder, exist_ok=True)
    for path in kept_files(folder):
        if path.endswith(".tmp"):
            os.unlink(path)
    return {number for number in range(count) if is_whole(piece_file(folder, number))}


def is_whole(path: str) -> bool:
    """Whether the file is there, and every byte as it was written: a power failure can damage what was finished."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def write_piece(folder: str, number: int, result: PieceResult) -> None:
    """Keep a finished piece. Raises OSError."""
    arrays: dict[str, Any] = result.arrays | {FACTS: np.frombuffer(json.dumps(result.facts).encode(), "uint8")}
    content = io.BytesIO()
    np.savez(content, **arrays)
    with atomic_file(piece_file(folder, number)) as file:
        file.write(content.getvalue())


def read_piece(folder: str, number: int) -> PieceResult:
    """A finished piece. Raises ValueError where it is not there."""
    path = piece_file(folder, number)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: {error}; wanted a piece that one of the processes has finished: --out must be a folder that all "
            "of them see"
        ) from None
    return PieceResult(found, json.loads(found.pop(FACTS).tobytes()))
