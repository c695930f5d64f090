"""What a training writes down as it goes: two CSV files, and TensorBoard's where tensorboardX is installed."""

from __future__ import annotations

import contextlib
import csv
import math
import os
import sys

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.training.run_folder import GO_ON, TRAIN_ROWS, VALIDATION_ROWS

TRAIN = ("epoch", "step", "lr", "loss", "accuracy", "grad_norm", "clips", "seconds")
VALIDATION = ("epoch", "top1", "top5", "mean_class_accuracy", "loss", "clips")
SEVERAL_LABELS = ("epoch", "mean_average_precision", "clips")


class TrainingLog:
    """Rows of train.csv (one an update) and validation.csv (one an epoch), numbers in full precision.

    A resumed run first takes out the rows behind its position, so that the files read as if it had never been stopped.
    """

    def __init__(self, out, epoch: int, step: int, steps_an_epoch: int, multi_label: bool = False):
        self.steps_an_epoch = steps_an_epoch
        self.columns = SEVERAL_LABELS if multi_label else VALIDATION
        done = (epoch, step)
        self._train = open_csv(os.path.join(out, TRAIN_ROWS), TRAIN, lambda row: (int(row[0]), int(row[1])) < done)
        self._validation = open_csv(os.path.join(out, VALIDATION_ROWS), self.columns, lambda row: int(row[0]) < epoch)
        self._board = open_board(os.path.join(out, "tensorboard"), epoch * steps_an_epoch + step)

    def update(self, epoch: int, step: int, lr: float, result, seconds: float) -> None:
        row = (lr, result.loss, result.accuracy, result.grad_norm)
        self._write(self._train, (epoch, step, *map(repr, row), result.clips, f"{seconds:.3f}"))
        self._show("train", TRAIN[2:6], row, epoch * self.steps_an_epoch + step)

    def validation(self, epoch: int, values: dict) -> None:
        row = [values[name] for name in self.columns[1:]]
        self._write(self._validation, (epoch, *map(repr, row)))
        # at the epoch's last update: a step further, the next run would purge it as one of its own
        self._show("validation", self.columns[1:-1], row, (epoch + 1) * self.steps_an_epoch - 1)

    def close(self) -> None:
        for file in (self._train, self._validation):
            with contextlib.suppress(OSError):  # a row that a full disk did not take was reported when it was written
                file.close()
        if self._board:
            self._board.close()

    @staticmethod
    def _write(file, row) -> None:
        try:
            csv.writer(file, lineterminator="\n").writerow(row)
            file.flush()
        except OSError as error:
            raise ValueError(f"{file.name}: cannot be written: {error.strerror}; {GO_ON}") from None

    def _show(self, group: str, names, row, step: int) -> None:
        if self._board:
            for name, value in zip(names, row):
                if math.isnan(value):  # the accuracy of clips with several labels; tensorboardX warns of each
                    continue
                self._board.add_scalar(f"{group}/{name}", value, step)


def open_csv(path: str, header: tuple[str, ...], keep):
    """The file, open for more rows, with its header and those of its rows for which `keep` says so. What a crash left
    in place of a row is dropped.
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


def open_board(folder: str, step: int):
    """TensorBoard's writer, from `step` on; None without tensorboardX."""
    hidden = "torch" not in sys.modules
    if hidden:
        sys.modules["torch"] = None  # where it is installed, tensorboardX imports it, in seconds, to name a type
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        return None
    finally:
        if hidden:
            del sys.modules["torch"]
    return SummaryWriter(folder, purge_step=step)
