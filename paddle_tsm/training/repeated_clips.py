"""Clips that stand where a user would not expect them: in both lists, several times in one, or under two labels."""

from __future__ import annotations

import os
from collections.abc import Iterable

from paddle_tsm.lists.annotations import Entry

Frames = tuple[str, int, int | None]  # what a clip shows: its resolved path, its offset and its number of frames


def repeated_clips(training: list[Entry], validation: list[Entry], multi_label: bool) -> list[str]:
    """A line for each kind of repetition that there is, with the number of such clips and the first of them.

    A clip is the same under every spelling of its path and through links. Frames of one folder from different offsets
    are different clips.
    """
    folders: dict[str, str] = {}  # each is resolved once
    own, other = (by_frames(entries, folders) for entries in (training, validation))
    both = [[*listed, *other[frames]] for frames, listed in own.items() if frames in other]
    several = [
        (name, [e for e in lists.values() if len(e) > 1]) for name, lists in (("training", own), ("validation", other))
    ]
    lines = [line("stand in the training list and in the validation list", both)]
    lines += [line(f"stand in the {name} list more than once", found) for name, found in several]
    if not multi_label:
        listed = [[*own.get(frames, ()), *other.get(frames, ())] for frames in {**own, **other}]
        lines.append(
            line("have two labels or more", [e for e in listed if len({one.labels for one in e}) > 1], labels=True)
        )
    return [text for text in lines if text]


def by_frames(entries: Iterable[Entry], folders: dict[str, str]) -> dict[Frames, list[Entry]]:
    """What a clip shows -> the entries that show it.

    folders: a folder as it was written -> resolved, to be added to.
    """
    found: dict[Frames, list[Entry]] = {}
    for entry in entries:
        folder, name = os.path.split(entry.path)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        path = os.path.join(folders[folder], name)
        if os.path.islink(path):
            path = os.path.realpath(path)
        found.setdefault((path, entry.offset, entry.num_frames), []).append(entry)
    return found


def line(what: str, clips: list[list[Entry]], labels: bool = False) -> str | None:
    """The line about clips of which each has several entries; None where there is none.

    labels: whether to name them.
    """
    if not clips:
        return None
    count = "1 clip" if len(clips) == 1 else f"{len(clips)} clips"
    if len(clips) == 1:
        what = what.replace("stand ", "stands ", 1).replace("have ", "has ", 1)
    places = [f"{entry.where}" + (f": {entry.label}" if labels else "") for entry in clips[0]]
    shown = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
    first = ": " if len(clips) == 1 else "; the first: "
    return f"{count} {what}{first}{clips[0][0].path} ({shown})"
