"""A progress bar for work that is counted in videos."""

from __future__ import annotations

from paddle_tsm.terminal.literal_text import plain_console


def video_progress():
    """A bar on stderr (rich's Progress): videos done, videos a second, time left. It is hidden outside a terminal."""
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

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), VideosPerSecond()
    console = plain_console(stderr=True)
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)
