"""The progress of a training in the terminal: a bar that moves with every update, and a line for every epoch."""

from __future__ import annotations

import math
import time

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from paddle_tsm.terminal.literal_text import literal, plain_console
from paddle_tsm.training.weight_update import UpdateResult


class TrainingProgress:
    """Prints to stderr. The bar is there in a terminal only, the lines always.

    updates, done: the number of updates of the training, and of those that are done. epochs: of the training.
    frames_a_clip: for the speed in frames per second. quiet: print nothing, for every process but the first.
    """

    def __init__(self, updates: int, done: int, epochs: int, frames_a_clip: int, quiet: bool = False):
        self.console = plain_console(stderr=True)
        self.console.quiet = quiet
        description, state = (TextColumn(form, markup=False) for form in ("{task.description}", "{task.fields[state]}"))
        columns = description, BarColumn(), state, TimeRemainingColumn()
        self._progress = Progress(*columns, console=self.console, disable=quiet or not self.console.is_terminal)
        self._task = self._progress.add_task("training", total=updates, completed=done, state="")
        self.epochs, self.frames_a_clip = epochs, frames_a_clip

    def __enter__(self) -> TrainingProgress:
        self._progress.start()
        self.start_epoch()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def start_epoch(self) -> None:
        """Begin the epoch's means anew."""
        self._began = time.perf_counter()
        self._clips, self._loss, self._right, self._waited = 0, 0.0, 0.0, 0.0

    def update(self, epoch: int, result: UpdateResult, waited: float) -> None:
        """Show one more update. waited: the seconds that the update waited for its clips."""
        self._clips += result.clips
        self._waited += waited
        if result.clips:
            self._loss += result.loss * result.clips
            self._right += result.accuracy * result.clips
        state = f"loss {result.loss:.4f}  {self.means()}"
        self._progress.update(self._task, advance=1, description=f"epoch {epoch + 1}/{self.epochs}", state=state)

    def means(self) -> str:
        """Accuracy, speed and waiting in words, since the epoch began or was resumed."""
        seconds, clips = time.perf_counter() - self._began, max(self._clips, 1)
        accuracy = "" if math.isnan(self._right) else f"top-1 {100 * self._right / clips:.1f} %  "
        return (
            f"{accuracy}{self._clips * self.frames_a_clip / seconds:.0f} frames/s  "
            f"{100 * self._waited / seconds:.0f} % waiting for clips"
        )

    def epoch_line(self, epoch: int) -> str:
        """The line that tells how the training of the epoch went."""
        return f"epoch {epoch + 1}/{self.epochs}  loss {self._loss / max(self._clips, 1):.4f}  {self.means()}"

    def validating(self, done: int, total: int) -> None:
        """Show that `done` of `total` clips are validated."""
        self._progress.update(self._task, state=f"validation {done} of {total}")

    def line(self, text: str) -> None:
        """Print a line above the bar."""
        self.console.print(literal(text), soft_wrap=True)
