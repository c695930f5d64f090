"""The check of one video before a network runs on it."""

from __future__ import annotations

from paddle_tsm.videos.container_claim import claim_of
from paddle_tsm.videos.open_video import check_file
from paddle_tsm.videos.video_notes import VideoNotes
from paddle_tsm.videos.video_survey import survey

# Frames. Decoding a longer video only to check it would make the user wait.
LONG = 1000


def check_video(path: str, strict: bool) -> VideoNotes:
    """The notes on a video, with one where it does not hold what its container says.

    Every frame is decoded; for a video of more than LONG frames only with `strict`.
    Raises ValueError for a video that cannot be opened, and with `strict` for one that gets a note.
    """
    check_file(path)
    notes = VideoNotes()
    if strict or (claim_of(path).frames or 0) <= LONG:
        notes.add(path, survey(path).problem)
    if strict and notes:
        raise ValueError(f"{notes.report()}; without --strict its frames are taken as they are")
    return notes
