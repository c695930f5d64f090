"""What a command says of a video that does not hold what its container says."""

from __future__ import annotations

import sys

LONG = 1000  # frames; a longer video is decoded as a whole only where that is asked for


def look_at(path: str, strict: bool, thorough: bool = False):
    """The VideoNotes of one video. All of it is decoded unless it is long; strict, thorough: also where it is long.

    Raises ValueError for a video that cannot be opened, and where it is not what its container says and `strict`.
    """
    from paddle_tsm.data.open_video import check_file
    from paddle_tsm.data.video_survey import VideoNotes, claim_of, survey

    check_file(path)
    notes = VideoNotes()
    if strict or thorough or (claim_of(path).frames or 0) <= LONG:
        notes.add(path, survey(path).problem)
    if strict and notes:
        raise ValueError(f"{notes.report()}; without --strict its frames are taken as they are")
    return notes


def print_note(notes) -> None:
    """One line on stderr, where there is anything to say."""
    from paddle_tsm.terminal.literal_text import literal

    if notes:
        print(f"note: {literal(notes.report())}", file=sys.stderr)
