"""The log of a training: two CSV files, and TensorBoard's files where tensorboardX is installed."""

from __future__ import annotations

import contextlib
import csv
import math
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.training.run_folder import RESUME_ADVICE, TRAIN_LOG, VALIDATION_LOG
from paddle_tsm.training.weight_update import UpdateResult

TRAIN_COLUMNS = ("epoch", "step", "lr", "loss", "accuracy", "grad_norm", "clips", "seconds")
VALIDATION_COLUMNS = ("epoch", "top1", "top5", "mean_class_accuracy", "loss", "clips")
MULTI_LABEL_COLUMNS = ("epoch", "mean_average_precision", "clips")


class TrainingLog:
    """Writes train.csv, with a row for each update, and validation.csv, with a row for each epoch. Numbers are written
    in full precision.

    A resumed training first takes out the rows from its position on, so that the files read as if it had never been
    stopped.

    out: the folder. epoch, step: the position of the next update. steps_an_epoch: the updates of an epoch. multi_label:
    whether clips have several labels.
    """

    def __init__(
        self, out: str | os.PathLike, epoch: int, step: int, steps_an_epoch: int, multi_label: bool = False
    ) -> None:
        self.steps_an_epoch = steps_an_epoch
        self.columns = MULTI_LABEL_COLUMNS if multi_label else VALIDATION_COLUMNS
        next_update = (epoch, step)
        self._train = open_csv(
            os.path.join(out, TRAIN_LOG), TRAIN_COLUMNS, lambda row: (int(row[0]), int(row[1])) < next_update
        )
        self._validation = open_csv(os.path.join(out, VALIDATION_LOG), self.columns, lambda row: int(row[0]) < epoch)
        self._board = open_board(os.path.join(out, "tensorboard"), epoch * steps_an_epoch + step)

    def update(self, epoch: int, step: int, lr: float, result: UpdateResult, seconds: float) -> None:
        """Log an update. Raises ValueError where the disk is full."""
        numbers = (lr, result.loss, result.accuracy, result.grad_norm)
        self._write(self._train, (epoch, step, *map(repr, numbers), result.clips, f"{seconds:.3f}"))
        self._add_scalars("train", TRAIN_COLUMNS[2:6], numbers, epoch * self.steps_an_epoch + step)

    def validation(self, epoch: int, values: dict[str, float]) -> None:
        """Log what `validate` returned. Raises ValueError where the disk is full."""
        numbers = [values[name] for name in self.columns[1:]]
        self._write(self._validation, (epoch, *map(repr, numbers)))
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


def open_csv(path: str, header: tuple[str, ...], keep: Callable[[list[str]], bool]) -> TextIO:
    """The file, open for more rows. It has the header, and of the rows that it had those that `keep` accepts.

    A row that a crash has left incomplete is dropped.
    """
    rows = []
    if os.path.exists(path):
        with open(path, newline="", encoding="utf-8", errors="replace") as file:
            for row in csv.reader(line.replace("\0", "") for line in file):
                with contextlib.suppress(ValueError):
                    if len(row) == len(header) and keep(row):
                        rows.append(row)
    with atomic_file(path) as file:
        lines = [",".join(row) + "\n" for row in [header, *rows]]
        file.write("".join(lines).encode())
    return open(path, "a", newline="", encoding="utf-8")


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
