"""The curves of a training as a picture, curves.png, drawn from its two CSV files. matplotlib is optional."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import numpy as np

from paddle_tsm.drawing.figure import canvas, need_matplotlib, png, style, whole_steps
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.training.log import TRAIN_COLUMNS, rows_of
from paddle_tsm.training.run_folder import CURVES, TRAIN_LOG, VALIDATION_LOG

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECONDS = 20.0  # between two pictures, because an epoch can be shorter than the drawing of one
TRAINING, VALIDATION = "#1d6fb8", "#c2410c"  # who does not see red from green can tell them apart
SMOOTHED = 25  # the smoothed loss is the mean over this part of the updates
FEWEST = 10  # updates that are smoothed
FEW_EPOCHS = 40  # so many epochs are not marked one by one any more
MOST_POINTS = 20_000  # of the raw loss; with more of them every k-th is drawn
SCORES = {"top1": ("Accuracy", "top-1, %"), "mean_average_precision": ("Mean average precision", "mAP, %")}


class CurvesPicture:
    """Writes curves.png into the folder `out` again and again. columns: of its validation.csv."""

    def __init__(self, out: str | os.PathLike, columns: tuple[str, ...]) -> None:
        self.out, self.columns, self._next = os.fspath(out), columns, 0.0
        self.missing: str | None = None  # why there are no pictures
        try:
            need_matplotlib()
        except ValueError as error:
            self.missing = str(error)

    def draw(self, last: bool = False) -> None:
        """Draw what the files hold. Where the picture is younger than SECONDS, only the `last` one is drawn."""
        if self.missing or (time.monotonic() < self._next and not last):
            return
        train = table(os.path.join(self.out, TRAIN_LOG), TRAIN_COLUMNS, 2)
        validation = table(os.path.join(self.out, VALIDATION_LOG), self.columns, 1)
        if len(train["loss"]):
            # a picture is no reason to end a training: a full disk is told by what cannot do without
            with contextlib.suppress(OSError), atomic_file(os.path.join(self.out, CURVES)) as file:
                file.write(curves_plot(train, validation))
        self._next = time.monotonic() + SECONDS


def table(path: str, columns: tuple[str, ...], places: int) -> dict[str, np.ndarray]:
    """Column -> float64 [rows] of a log whose first `places` columns say where a row belongs."""
    rows = np.array(rows_of(path, columns, places), "float64").reshape(-1, len(columns))
    return dict(zip(columns, rows.T))


def curves_plot(train: dict[str, np.ndarray], validation: dict[str, np.ndarray]) -> bytes:
    """A PNG with the loss of every update and of every validation, and below it the score of every epoch.

    train, validation: column -> float64 [rows], as in train.csv and validation.csv, the latter perhaps without rows.
    """
    score = next(name for name in SCORES if name in validation)
    has_scores = len(validation[score]) > 0 or np.isfinite(train["accuracy"]).any()
    drawing = canvas(7.0, 6.4 if has_scores else 3.4)
    panels = drawing.subplots(2 if has_scores else 1, 1, squeeze=False)[:, 0]
    plot_losses(panels[0], train, validation)
    if has_scores:
        plot_scores(panels[1], train, validation, score)
    return png(drawing)


def plot_losses(axes: Axes, train: dict[str, np.ndarray], validation: dict[str, np.ndarray]) -> None:
    """The loss of each update, its running mean, and the validation's loss after the last update of its epoch."""
    kept = np.isfinite(train["loss"])  # an update whose clips could all not be read has no loss
    updates, losses = np.arange(1, len(kept) + 1)[kept], train["loss"][kept]
    every = -(-len(losses) // MOST_POINTS) or 1
    smooth = len(losses) >= FEWEST
    style(axes, "Loss", "update", "loss")
    axes.plot(
        updates[::every],
        losses[::every],
        color=TRAINING,
        linewidth=0.8,
        alpha=0.35 if smooth else 1,
        marker="" if smooth else ".",
        label="training, each update",
    )
    if smooth:
        width = max(5, len(losses) // SMOOTHED) | 1
        label = f"training, mean of {width} updates"
        axes.plot(updates, running_mean(losses, width), color=TRAINING, linewidth=1.8, label=label)
    if len(validation["loss"]):
        ends = np.searchsorted(train["epoch"], validation["epoch"], side="right")
        axes.plot(ends, validation["loss"], **validation_line(len(ends)))
    axes.legend(fontsize=9)
    whole_steps(axes)


def plot_scores(axes: Axes, train: dict[str, np.ndarray], validation: dict[str, np.ndarray], score: str) -> None:
    """The training's accuracy, averaged over the clips of each epoch, and the validation's score, the best one
    marked.
    """
    title, label = SCORES[score]
    style(axes, title, "epoch", label)
    epochs = np.unique(train["epoch"])
    if np.isfinite(train["accuracy"]).any():
        of_epochs = [train["epoch"] == epoch for epoch in epochs]
        right = [np.nansum((train["accuracy"] * train["clips"])[own]) for own in of_epochs]
        clips = [max(train["clips"][own].sum(), 1) for own in of_epochs]
        axes.plot(
            epochs,
            100 * np.array(right) / clips,
            color=TRAINING,
            linewidth=1.5,
            marker="o" if len(epochs) <= FEW_EPOCHS else "",
            markersize=4,
            label="training, as augmented",
        )
    found = 100 * validation[score]
    if len(found):
        axes.plot(validation["epoch"], found, **validation_line(len(found)))
        if np.isfinite(found).any():
            best = int(np.nanargmax(found))
            label = f"best: {found[best]:.1f} % in epoch {validation['epoch'][best]:.0f}"
            axes.plot(
                validation["epoch"][best],
                found[best],
                "o",
                color=VALIDATION,
                markersize=10,
                fillstyle="none",
                label=label,
            )
    axes.legend(fontsize=9)
    whole_steps(axes)


def validation_line(count: int) -> dict:
    """How a validation's line is drawn over `count` epochs."""
    marker = "o" if count <= FEW_EPOCHS else ""
    return {"color": VALIDATION, "linewidth": 1.5, "marker": marker, "markersize": 4, "label": "validation"}


def running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """The mean of each value and its neighbours, `width` of them together; fewer at both ends. width: odd."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    first, end = np.maximum(places - width // 2, 0), np.minimum(places + width // 2 + 1, len(values))
    return (sums[end] - sums[first]) / (end - first)
