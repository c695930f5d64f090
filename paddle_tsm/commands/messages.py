"""What commands say on stderr beside their result."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from paddle_tsm.checkpoint.error import one_line
from paddle_tsm.checkpoint.trained_file import trained_file
from paddle_tsm.layouts.record import remark_on_record_beside
from paddle_tsm.terminal.literal_text import literal
from paddle_tsm.videos.video_notes import VideoNotes


def print_remarks(command: str, remarks: Iterable[str]) -> None:
    """Print each remark as a line of the command."""
    for remark in remarks:
        print(one_line(f"paddle-tsm {command}: {remark}"), file=sys.stderr)


def print_problem(command: str, problem: str) -> None:
    """Print why one of several sources could not be read, as `main` prints what ends a command."""
    print(one_line(f"paddle-tsm {command}: error: {literal(problem.strip())}"), file=sys.stderr)


def checkpoint_of(command: str, path: str) -> str:
    """The checkpoint that `path` stands for, see `trained_file`, and a line that names it where it is another."""
    file = trained_file(path)
    if file != path:
        print_remarks(command, [f"{path}: takes {os.path.basename(file)}, which `paddle-tsm train` wrote"])
    return file


def print_ignored_records(command: str, *paths: str | None) -> None:
    """Print a line for each file beside which lies a record that belongs to another file and is therefore ignored."""
    print_remarks(command, [line for path in paths if path is not None and (line := remark_on_record_beside(path))])


def print_video_notes(notes: VideoNotes | None) -> None:
    """Print one line about the videos that do not hold what their containers say, if there are any."""
    if notes:
        print_note(notes.report())


def print_note(text: str) -> None:
    """Print a line about a source that is used all the same."""
    print(one_line(f"note: {literal(text)}"), file=sys.stderr)


def print_encoder(command: str, out: str) -> None:
    """Print a line where the labelled video cannot be H.264."""
    from paddle_tsm.videos.copied_video import (  # imported here, because most commands write no video
        MPEG4,
        copy_encoder,
    )

    if copy_encoder() == MPEG4:
        print_remarks(command, [f"{out}: is written as MPEG-4, because PyAV has no encoder for H.264 here"])
