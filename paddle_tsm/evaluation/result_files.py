"""The files that an evaluation writes."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from paddle_tsm.evaluation.confusion_plot import confusion_plot
from paddle_tsm.evaluation.metrics import confusion_matrix, ranks
from paddle_tsm.evaluation.summary import Evaluation
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.lists.annotations import Entry

FILE_NAMES = ("scores.csv", "confusion.csv", "confusion.png", "metrics.json")


def write_files(
    folder: str | os.PathLike, evaluation: Evaluation, entries: list[Entry], plot: bool = True
) -> list[str]:
    """Write the files of the evaluation into `folder`. Returns their names, which are all or some of FILE_NAMES.

    entries: the clips of the list. There are no confusion files where clips have several labels, and without `plot`
    there is no picture. All files are complete before the first takes its name. Files of FILE_NAMES that this
    evaluation did not write come from an older one, and are removed. Raises OSError.
    """
    writers = {"scores.csv": lambda file: write_scores(file, evaluation, entries)}
    if not evaluation.multi_label:
        matrix = confusion_matrix(evaluation.final.scores, evaluation.final.labels, evaluation.num_classes)
        writers["confusion.csv"] = lambda file: write_confusion(file, matrix, evaluation.class_headings())
        if plot:
            picture = confusion_plot(matrix, evaluation.class_names)
            writers["confusion.png"] = lambda file: file.write(picture)
    writers["metrics.json"] = lambda file: file.write(as_json(evaluation))
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context(atomic_file(os.path.join(folder, name))) for name in writers}
        for name, write in writers.items():
            write(files[name])
            files[name].flush()  # so that a full disk raises its error before any file takes its name
    for name in set(FILE_NAMES) - set(writers):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))
    return list(writers)


def write_json(path: str | os.PathLike, evaluation: Evaluation) -> None:
    """Write only metrics.json, under this path."""
    with atomic_file(path) as file:
        file.write(as_json(evaluation))


def as_json(evaluation: Evaluation) -> bytes:
    """The content of metrics.json."""
    text = json.dumps(evaluation.content(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogateescape")


def write_scores(file: BinaryIO, evaluation: Evaluation, entries: list[Entry]) -> None:
    """Write a row for each clip, in the order of the list: its path, its line in the list, its label, the predicted
    class, the rank of the true class, and the score of each class to the last bit.

    Several labels of a clip, and their ranks, are separated by spaces.
    """
    scored = evaluation.final
    headings = [f"score {heading}" for heading in evaluation.class_headings()]
    predicted = scored.scores.argmax(1).tolist()
    with csv_writer(file) as rows:
        rows.writerow(["path", "line", "label", "predicted", "rank", *headings])
        for i, index in enumerate(scored.indices):
            entry, labels = entries[index], scored.labels[i]
            label_ranks = ranks(np.repeat(scored.scores[i : i + 1], len(labels), 0), labels)
            label, rank = (" ".join(map(str, values)) for values in (labels, label_ranks.tolist()))
            rows.writerow([entry.path, entry.line, label, predicted[i], rank, *map(repr, scored.scores[i].tolist())])


def write_confusion(file: BinaryIO, matrix: np.ndarray, headings: list[str]) -> None:
    """Write the confusion matrix, with a row for each true class and a column for each predicted class."""
    with csv_writer(file) as rows:
        rows.writerow(["true \\ predicted", *headings])
        for heading, counts in zip(headings, matrix.tolist()):
            rows.writerow([heading, *counts])


@contextlib.contextmanager
def csv_writer(file: BinaryIO) -> Iterator:
    """Yield a writer of CSV rows to a binary file, which stays open."""
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    try:
        yield csv.writer(text, lineterminator="\n")
        text.flush()
    finally:
        text.detach()
