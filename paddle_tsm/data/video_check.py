"""One video looked at before a network runs on it."""

from __future__ import annotations

from paddle_tsm.data.open_video import check_file
from paddle_tsm.data.video_survey import VideoNotes, claim_of, survey

LONG = 1000  # frames; decoding a longer video only to check it would make the user wait


def check_video(path: str, strict: bool, thorough: bool = False) -> VideoNotes:
    """The notes on a video: none, or how it differs from what its container says.

    A video of more than LONG frames is decoded only where `strict` or `thorough` asks for it. Raises ValueError for a
    video that cannot be opened and, where `strict`, for one that differs.
    """
    check_file(path)
    notes = VideoNotes()
    if strict or thorough or (claim_of(path).frames or 0) <= LONG:
        notes.add(path, survey(path).problem)
    if strict and notes:
        raise ValueError(f"{notes.report()}; without --strict its frames are taken as they are")
    return notes
