"""A progress bar for work that is counted in videos."""

from __future__ import annotations

import sys

from paddle_tsm.terminal.literal_text import plain_console


def video_progress():
    """A bar on stderr (rich's Progress): videos done, videos a second, time left, and the task's `state` in words where
    it has one. It is hidden outside a terminal.
    """
    from rich.progress import (  # imported here, because most commands draw no bar
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class VideosPerSecond(ProgressColumn):
        def render(self, task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.1f} videos/s")

    class State(ProgressColumn):
        def render(self, task) -> Text:
            return Text(task.fields.get("state", ""))

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    rest = VideosPerSecond(), TimeRemainingColumn(), State()
    console = plain_console(stderr=True)
    return Progress(
        *columns,
        *rest,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),  # or rich would print results beside the bar, and not into the pipe
    )
