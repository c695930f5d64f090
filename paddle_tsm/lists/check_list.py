"""The check of every clip of a list before a long run starts."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from paddle_tsm.lists.annotations import Entry
from paddle_tsm.lists.bad_clips import BadClip, bad_clip
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.runtime import processors
from paddle_tsm.terminal.literal_text import plain_console
from paddle_tsm.videos import frame_folder, video_file
from paddle_tsm.videos.open_video import check_file
from paddle_tsm.videos.video_survey import survey

# how far each clip is read: not at all, its first frame, or every frame
DEPTHS = ("exists", "first", "all")
HINTED = 20  # paths of a list that are looked at before --root is suggested


def check_list(
    entries: list[Entry],
    source: FrameSource = FrameSource(),
    *,
    depth: str = "first",
    skip_bad: bool = False,
    workers: int | None = None,
    progress: bool = True,
    strict: bool = False,
) -> tuple[list[Entry], list[BadClip]]:
    """(the clips that can be used, the bad ones), both in the list's order.

    The first pass looks whether every file exists and is not empty, which is quick. The second pass decodes the first
    frame (depth "first") or every frame ("all"); with "exists" there is none. Clips of the same frames are read once.
    `workers` threads read, because OpenCV decodes without Python's lock. Without `skip_bad`, BadClip is raised for the
    first bad clip of the list. A video that does not hold what its container says is noted in `source.notes`; with
    `strict` every frame is decoded, whatever the depth, and such a video is a bad clip. Raises ValueError for an
    unknown depth.
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth: got {depth!r}, wanted one of {', '.join(DEPTHS)}")
    bad: dict[int, BadClip] = {}
    steps = [("looking for files", check_exists)]
    if depth != "exists" or strict:
        whole = depth == "all" or strict
        steps.append(("reading clips", lambda entry, source: check_frames(entry, source, whole, strict)))
    for title, check in steps:
        rest = [i for i in range(len(entries)) if i not in bad]
        try:
            bad.update(run_checks(entries, rest, source, check, title, skip_bad, workers, progress))
        except BadClip as error:
            raise BadClip(error.where, error.path, error.problem + root_hint(entries)) from None
    return [entry for i, entry in enumerate(entries) if i not in bad], [bad[i] for i in sorted(bad)]


def run_checks(
    entries: list[Entry],
    indices: list[int],
    source: FrameSource,
    check: Callable[[Entry, FrameSource], None],
    title: str,
    skip_bad: bool,
    workers: int | None,
    progress: bool,
) -> dict[int, BadClip]:
    """index -> BadClip, for the clips among entries[indices] for which `check` raises ValueError or OSError.

    Without `skip_bad` the first of them is raised. title: what the progress bar says.
    """
    # Importing rich takes time that a run without a list should not spend.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    groups: dict[tuple, list[int]] = {}  # the indices of clips with the same frames
    for i in indices:
        groups.setdefault((entries[i].path, entries[i].offset, entries[i].num_frames), []).append(i)
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    bad: dict[int, BadClip] = {}

    def error_of(group: list[int]) -> Exception | None:
        try:
            check(entries[group[0]], source)
            return None
        except (ValueError, OSError) as error:
            return error

    pool = ThreadPoolExecutor(workers or min(16, processors() * 2))
    try:
        console = plain_console(stderr=True)  # in a file a bar would be an empty line
        with Progress(*columns, console=console, transient=True, disable=not (progress and console.is_terminal)) as bar:
            errors = bar.track(pool.map(error_of, groups.values()), len(groups), description=title)
            for group, error in zip(groups.values(), errors):
                if error is not None:
                    bad.update((i, bad_clip(entries[i], error)) for i in group)
                    if not skip_bad:
                        raise bad[group[0]]
    finally:
        pool.shutdown(cancel_futures=True)
    return bad


def root_hint(entries: list[Entry]) -> str:
    """What to say of --root behind a problem: nothing where any of the first paths of the list exists.

    Where they exist from the list's own folder, that folder is named.
    """
    first = [entry.path for entry in entries[:HINTED]]
    if any(map(os.path.exists, first)):
        return ""
    own = os.path.dirname(os.path.abspath(entries[0].list_file))
    if all(os.path.exists(os.path.join(own, path)) for path in first):
        return f"; the paths start from the list's own folder: --root {shlex.quote(own)}"
    return "; no path of the list exists: --root says which folder they start from"


def check_exists(entry: Entry, source: FrameSource) -> None:
    """Raise ValueError unless the video exists and is not empty, or every image of the folder exists."""
    if source.template is None:
        check_file(entry.path)
        return
    first, count = entry.offset + source.first, source.num_frames(entry)
    sub_folder, template = os.path.split(source.template)  # a template may name a folder, as rgb/{:05d}.jpg does
    folder = os.path.join(entry.path, sub_folder)
    try:
        names = set(os.listdir(folder))
    except OSError as error:
        raise ValueError(f"{folder}: missing frames ({error.strerror})") from None
    for number in range(first, first + count):
        for name in frame_folder.image_names(template, number):
            if name not in names:
                raise ValueError(f"{os.path.join(folder, name)}: missing frame of the {count} listed")


def check_frames(entry: Entry, source: FrameSource, whole: bool, strict: bool = False) -> None:
    """Raise ValueError unless the first frame decodes, or, where `whole`, every frame. One frame at a time is in
    memory.
    """
    if source.template is None:
        found = survey(entry.path) if whole else None
        if found and found.decoded == 0:
            raise ValueError(f"{entry.path}: no frame could be decoded; wanted a video that OpenCV reads")
        if found and found.problem and strict:
            raise ValueError(f"{entry.path}: {found.problem}")
        if found and source.notes is not None:
            source.notes.add(entry.path, found.problem)
        video_file.read_frames(entry.path, lambda count: np.zeros(1, int), threads=1, notes=source.notes)
        return
    reader = frame_folder.FLOW if frame_folder.is_of_flow(source.template) else "opencv"
    for i in range(source.num_frames(entry) if whole else 1):
        frame_folder.read_frames(entry.path, source.template, [entry.offset + source.first + i], reader)
