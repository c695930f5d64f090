"""The files of an evaluation: scores.csv, confusion.csv, confusion.png, metrics.json."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os

import numpy as np

from paddle_tsm.data.annotations import Entry
from paddle_tsm.evaluation.metrics import confusion_matrix, ranks
from paddle_tsm.evaluation.summary import Evaluation
from paddle_tsm.files.atomic import atomic_file

NAMES = ("scores.csv", "confusion.csv", "confusion.png", "metrics.json")


def write_files(folder, evaluation: Evaluation, entries: list[Entry], plot: bool = True) -> list[str]:
    """Write the files of NAMES that there are into `folder` and return their names.

    All are complete before the first takes its name. Clips of several labels have no confusion matrix; `plot` False
    leaves out the picture. A file of those names that this evaluation does not have is an older one's, and goes.
    """
    writers = {"scores.csv": lambda file: write_scores(file, evaluation, entries)}
    if not evaluation.multi_label:
        matrix = confusion_matrix(evaluation.final.scores, evaluation.final.labels, evaluation.num_classes)
        writers["confusion.csv"] = lambda file: write_confusion(file, matrix, evaluation.class_headings())
        if plot:
            from paddle_tsm.evaluation.confusion_plot import confusion_plot

            picture = confusion_plot(matrix, evaluation.class_names)
            writers["confusion.png"] = lambda file: file.write(picture)
    writers["metrics.json"] = lambda file: file.write(as_json(evaluation))
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context(atomic_file(os.path.join(folder, name))) for name in writers}
        for name, write in writers.items():
            write(files[name])
            files[name].flush()  # a full disk is met here, before any file takes its name
    for name in set(NAMES) - set(writers):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))
    return list(writers)


def write_json(path, evaluation: Evaluation) -> None:
    with atomic_file(path) as file:
        file.write(as_json(evaluation))


def as_json(evaluation: Evaluation) -> bytes:
    text = json.dumps(evaluation.content(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogateescape")


def write_scores(file, evaluation: Evaluation, entries: list[Entry]) -> None:
    """A row a clip, in the list's order: path, line of the list, label, predicted, rank of the true class, the score of
    each class to the last bit. Several labels, and their ranks, are separated by spaces."""
    scored = evaluation.final
    headings = [f"score {heading}" for heading in evaluation.class_headings()]
    predicted = scored.scores.argmax(1).tolist()
    with rows_of(file) as rows:
        rows.writerow(["path", "line", "label", "predicted", "rank", *headings])
        for i, index in enumerate(scored.indices):
            entry, labels = entries[index], scored.labels[i]
            places = ranks(np.repeat(scored.scores[i : i + 1], len(labels), 0), labels)
            several = (" ".join(map(str, values)) for values in (labels, places.tolist()))
            label, rank = several
            rows.writerow([entry.path, entry.line, label, predicted[i], rank, *map(repr, scored.scores[i].tolist())])


def write_confusion(file, matrix: np.ndarray, headings: list[str]) -> None:
    """A row a true class, a column a predicted one."""
    with rows_of(file) as rows:
        rows.writerow(["true \\ predicted", *headings])
        for heading, counts in zip(headings, matrix.tolist()):
            rows.writerow([heading, *counts])


@contextlib.contextmanager
def rows_of(file):
    """A CSV writer on a binary file, which stays open."""
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    try:
        yield csv.writer(text, lineterminator="\n")
        text.flush()
    finally:
        text.detach()
