"""The log of a training: two CSV files, and TensorBoard's files where tensorboardX is installed."""

from __future__ import annotations

import contextlib
import csv
import math
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.training.run_folder import RESUME_ADVICE, TRAIN_LOG, VALIDATION_LOG
from paddle_tsm.training.weight_update import UpdateResult

TRAIN_COLUMNS = ("epoch", "step", "lr", "loss", "accuracy", "grad_norm", "clips", "seconds")
VALIDATION_COLUMNS = ("epoch", "top1", "top5", "mean_class_accuracy", "loss", "clips")
MULTI_LABEL_COLUMNS = ("epoch", "mean_average_precision", "loss", "clips")


class TrainingLog:
    """Writes train.csv, with a row for each update, and validation.csv, with a row for each epoch. Epochs and steps
    count from 1. Numbers are written in full precision.

    A resumed training first takes out the rows from its position on, so that the files read as if it had never been
    stopped.

    out: the folder. epoch, step: the position of the next update, both from 0, as everywhere else in the program.
    steps_an_epoch: the updates of an epoch. multi_label: whether clips have several labels.
    """

    def __init__(
        self, out: str | os.PathLike, epoch: int, step: int, steps_an_epoch: int, multi_label: bool = False
    ) -> None:
        self.steps_an_epoch = steps_an_epoch
        self.columns = MULTI_LABEL_COLUMNS if multi_label else VALIDATION_COLUMNS
        self._train = open_csv(os.path.join(out, TRAIN_LOG), TRAIN_COLUMNS, (epoch + 1, step + 1))
        self._validation = open_csv(os.path.join(out, VALIDATION_LOG), self.columns, (epoch + 1,))
        self._board = open_board(os.path.join(out, "tensorboard"), epoch * steps_an_epoch + step)

    def update(self, epoch: int, step: int, lr: float, result: UpdateResult, seconds: float) -> None:
        """Log an update. Raises ValueError where the disk is full."""
        numbers = (lr, result.loss, result.accuracy, result.grad_norm)
        self._write(self._train, (epoch + 1, step + 1, *map(repr, numbers), result.clips, f"{seconds:.3f}"))
        self._add_scalars("train", TRAIN_COLUMNS[2:6], numbers, epoch * self.steps_an_epoch + step)

    def validation(self, epoch: int, values: dict[str, float]) -> None:
        """Log what `validate` returned. Raises ValueError where the disk is full."""
        numbers = [values[name] for name in self.columns[1:]]
        self._write(self._validation, (epoch + 1, *map(repr, numbers)))
        # the step is that of the epoch's last update: from the next step on, a resumed training removes what it finds
        self._add_scalars("validation", self.columns[1:-1], numbers, (epoch + 1) * self.steps_an_epoch - 1)

    def close(self) -> None:
        """Close the files."""
        for file in (self._train, self._validation):
            with contextlib.suppress(OSError):  # `_write` has already reported a row for which there was no room
                file.close()
        if self._board:
            self._board.close()

    @staticmethod
    def _write(file: TextIO, row: Iterable) -> None:
        try:
            csv.writer(file, lineterminator="\n").writerow(row)
            file.flush()
        except OSError as error:
            raise ValueError(f"{file.name}: cannot be written: {error.strerror}; {RESUME_ADVICE}") from None

    def _add_scalars(self, group: str, names: Iterable[str], numbers: Iterable[float], step: int) -> None:
        if self._board:
            for name, value in zip(names, numbers):
                if not math.isnan(value):  # the accuracy where clips have several labels; tensorboardX warns of NaN
                    self._board.add_scalar(f"{group}/{name}", value, step)


def open_csv(path: str, header: tuple[str, ...], end: tuple[int, ...]) -> TextIO:
    """The file, open for more rows.

    It has the header, and of the rows that it had those in front of the place `end`.
    """
    places = len(end)
    rows = [row for row in rows_of(path, header, places) if tuple(map(int, row[:places])) < end]
    with atomic_file(path) as file:
        lines = [",".join(row) + "\n" for row in [header, *rows]]
        file.write("".join(lines).encode())
    return open(path, "a", newline="", encoding="utf-8")


def rows_of(path: str, header: tuple[str, ...], places: int) -> list[list[str]]:
    """The rows of a log, with the columns of `header`, the first `places` of which count from 1; none without a file.

    A row that a crash has left incomplete is dropped. Older versions counted from 0, which shows in their first row,
    and had fewer columns; what they lack is NaN.
    """
    if not os.path.exists(path):
        return []
    rows = []
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        reader = csv.reader(line.replace("\0", "") for line in file)
        names = next(reader, [])
        for row in reader:
            found = dict(zip(names, row))
            if len(row) == len(names) and all(found.get(name, "").isdecimal() for name in header[:places]):
                rows.append([found.get(name, "nan") for name in header])
    first = 1 if rows and rows[0][0] == "0" else 0
    return [[*(str(int(text) + first) for text in row[:places]), *row[places:]] for row in rows]


def open_board(folder: str, step: int) -> Any:
    """TensorBoard's writer, which removes what the folder holds from `step` on; None without tensorboardX."""
    hidden = "torch" not in sys.modules
    if hidden:
        # where PyTorch is installed, tensorboardX imports all of it only to name a type
        sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        from tensorboardX import SummaryWriter  # here, because it is an optional package
    except ImportError:
        return None
    finally:
        if hidden:
            del sys.modules["torch"]
    return SummaryWriter(folder, purge_step=step)
