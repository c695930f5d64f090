"""What a training writes down as it goes: two CSV files, and TensorBoard's where tensorboardX is installed."""

from __future__ import annotations

import csv
import os

from paddle_tsm.atomic_file import atomic_file

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
        self._train = open_csv(os.path.join(out, "train.csv"), TRAIN, lambda row: (int(row[0]), int(row[1])) < done)
        self._validation = open_csv(os.path.join(out, "validation.csv"), self.columns, lambda row: int(row[0]) < epoch)
        self._board = open_board(os.path.join(out, "tensorboard"), epoch * steps_an_epoch + step)

    def update(self, epoch: int, step: int, lr: float, result, seconds: float) -> None:
        row = (lr, result.loss, result.accuracy, result.grad_norm)
        self._write(self._train, (epoch, step, *map(repr, row), result.clips, f"{seconds:.3f}"))
        self._show("train", TRAIN[2:6], row, epoch * self.steps_an_epoch + step)

    def validation(self, epoch: int, values: dict) -> None:
        row = [values[name] for name in self.columns[1:]]
        self._write(self._validation, (epoch, *map(repr, row)))
        self._show("validation", self.columns[1:-1], row, (epoch + 1) * self.steps_an_epoch)

    def close(self) -> None:
        self._train.close()
        self._validation.close()
        if self._board:
            self._board.close()

    @staticmethod
    def _write(file, row) -> None:
        csv.writer(file, lineterminator="\n").writerow(row)
        file.flush()

    def _show(self, group: str, names, row, step: int) -> None:
        if self._board:
            for name, value in zip(names, row):
                self._board.add_scalar(f"{group}/{name}", value, step)


def open_csv(path: str, header: tuple[str, ...], keep):
    """The file, open for more rows, with its header and those of its rows for which `keep` says so."""
    rows = []
    if os.path.exists(path):
        with open(path, newline="") as file:
            rows = [row for row in list(csv.reader(file))[1:] if len(row) == len(header) and keep(row)]
    with atomic_file(path) as file:
        lines = [",".join(row) + "\n" for row in [header, *rows]]
        file.write("".join(lines).encode())
    return open(path, "a", newline="")


def open_board(folder: str, step: int):
    """TensorBoard's writer, from `step` on; None without tensorboardX."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(folder, purge_step=step)
