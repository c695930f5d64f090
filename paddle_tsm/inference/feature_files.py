"""The features of the clips of a list as files: `000000.npy` for the first clip, and index.csv, which names each.

Each clip is worked on once, by one of any number of processes; see `processes.list_work`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import numpy as np

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.read_ahead import read_ahead
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.lists.bad_clips import BadClip, SkippedClips
from paddle_tsm.processes.list_work import PieceResult, pieces_of, work_through
from paddle_tsm.processes.processes import Processes

INDEX, ABOUT = "index.csv", "features.json"
UNFINISHED_FILE = r"\.\d{6}\.npy\.\d+-[0-9a-f]{8}\.tmp"  # what `atomic_path` calls a clip's file before it is whole
COLUMNS = ("path", "line", "label", "file", "shape", "dtype")
Features = Callable[[np.ndarray], np.ndarray]  # every view of a clip, float32 [views * T, C, H, W] -> its features


def write_features(
    open_features: Callable[[], Features],
    reader: ClipReader,
    out: str,
    processes: Processes,
    folder: str,
    *,
    workers: int,
    skipped: SkippedClips,
    progress: Callable[[int, int], None],
) -> list[list]:
    """Write the features of every clip of the reader into the folder `out`. Returns the rows of the index, in the order
    of the list, in the first process, and [] in the others.

    open_features: loads the network, and is not called where this process has no clip. folder: where finished pieces
    are kept, see `work_through`. workers: threads that read clips. skipped: takes the clips that could not be read.
    progress: is called with (clips done, clips of this process). Raises ValueError for NaN and infinite features.
    """

    def work(pieces: Sequence[range]) -> Iterator[PieceResult]:
        features, total, done = open_features(), sum(map(len, pieces)), 0
        with closing(read_ahead(reader, [index for piece in pieces for index in piece], workers)) as samples:
            for piece in pieces:
                rows, bad = [], []
                for index in piece:
                    sample = next(samples)
                    if isinstance(sample, BadClip):
                        bad.append(sample.args)
                    else:
                        rows.append(write_clip(out, reader, index, features(sample[0])))
                    done += 1
                    progress(done, total)
                yield PieceResult(facts={"rows": rows, "bad": bad})

    processes.from_first(lambda: forget_index(out))
    results = work_through(pieces_of(len(reader)), work, processes, folder)
    for result in results:
        for bad in result.facts["bad"]:
            skipped.add(BadClip(*bad))
    return [row for result in results for row in result.facts["rows"]]


def forget_index(out: str) -> None:
    """Remove the index of an older run, whose files are about to be replaced, and what a killed run was writing."""
    with os.scandir(out) as found:
        names = [one.name for one in found]
    for name in names:
        if name in (INDEX, ABOUT) or re.fullmatch(UNFINISHED_FILE, name):
            os.unlink(os.path.join(out, name))


def write_clip(out: str, reader: ClipReader, index: int, features: np.ndarray) -> list:
    """Write the file of one clip. Returns its row of the index."""
    entry, name = reader.entries[index], f"{index:06d}.npy"
    if not np.isfinite(features).all():
        raise ValueError(f"{entry.where}: {entry.path}: its features are NaN or infinite; has the network diverged?")
    with atomic_file(os.path.join(out, name)) as file:
        np.save(file, features)
    label, shape = " ".join(map(str, entry.labels)), "x".join(map(str, features.shape))
    return [entry.path, entry.line, label, name, shape, str(features.dtype)]


def write_index(out: str, rows: list[list], about: dict) -> None:
    """Write index.csv, with a row for each clip, and features.json, which says how they were made."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    with atomic_file(os.path.join(out, ABOUT)) as file:
        file.write((json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "surrogateescape"))
    with atomic_file(os.path.join(out, INDEX)) as file:
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))
