"""A training in the terminal: a bar that moves with every update, and a line for every epoch."""

from __future__ import annotations

import time

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from paddle_tsm.terminal.literal_text import literal, plain_console


class Show:
    """Writes to stderr; `quiet` for every process but the first. The bar appears in a terminal only, the lines always."""

    def __init__(self, total: int, done: int, epochs: int, frames_a_clip: int, quiet: bool = False):
        self.console = plain_console(stderr=True)
        self.console.quiet = quiet
        texts = (TextColumn(form, markup=False) for form in ("{task.description}", "{task.fields[state]}"))
        columns = next(texts), BarColumn(), next(texts), TimeRemainingColumn()
        self._progress = Progress(*columns, console=self.console, disable=quiet or not self.console.is_terminal)
        self._task = self._progress.add_task("training", total=total, completed=done, state="")
        self.epochs, self.frames_a_clip = epochs, frames_a_clip

    def __enter__(self):
        self._progress.start()
        self.start_epoch()
        return self

    def __exit__(self, *_):
        self._progress.stop()

    def start_epoch(self) -> None:
        self._began, self._clips, self._loss, self._right, self._waited = time.perf_counter(), 0, 0.0, 0.0, 0.0

    def update(self, epoch: int, result, waited: float) -> None:
        """`waited`: seconds of this update that went by until its clips were there."""
        self._clips += result.clips
        self._waited += waited
        if result.clips:
            self._loss += result.loss * result.clips
            self._right += result.accuracy * result.clips
        state = f"loss {result.loss:.4f}  {self.means()}"
        self._progress.update(self._task, advance=1, description=f"epoch {epoch + 1}/{self.epochs}", state=state)

    def means(self) -> str:
        """Accuracy and speed since the epoch began, or was gone on with."""
        seconds, clips = time.perf_counter() - self._began, max(self._clips, 1)
        accuracy = "" if self._right != self._right else f"top-1 {100 * self._right / clips:.1f} %  "
        return (
            f"{accuracy}{self._clips * self.frames_a_clip / seconds:.0f} frames/s  "
            f"{100 * self._waited / seconds:.0f} % waiting for clips"
        )

    def end_epoch(self, epoch: int) -> str:
        """The line of the epoch's training, for `line`."""
        text = f"epoch {epoch + 1}/{self.epochs}  loss {self._loss / max(self._clips, 1):.4f}  {self.means()}"
        return text

    def validating(self, done: int, total: int) -> None:
        self._progress.update(self._task, state=f"validation {done} of {total}")

    def line(self, text: str) -> None:
        self.console.print(literal(text), soft_wrap=True)
