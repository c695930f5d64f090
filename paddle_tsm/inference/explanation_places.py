"""Where the files of an explanation go."""

from __future__ import annotations

import os


def file_names(folder: str, video: str) -> tuple[str, str]:
    """(the video, the contact sheet) that explain `video`, in the folder."""
    stem = os.path.join(folder, os.path.splitext(os.path.basename(video))[0])
    return f"{stem}_heat.mp4", f"{stem}_heat.png"
