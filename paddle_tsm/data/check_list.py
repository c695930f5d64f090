"""Every clip of a list looked at before training starts."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from paddle_tsm.data import frame_folder, video_file
from paddle_tsm.data.annotations import Entry
from paddle_tsm.data.bad_clips import BadClip, bad_clip
from paddle_tsm.data.clip_reader import FrameSource
from paddle_tsm.data.video_survey import survey
from paddle_tsm.runtime import processors
from paddle_tsm.terminal.literal_text import plain_console

DEPTHS = ("exists", "first", "all")


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

    First that every file is there and not empty, which takes seconds for 100,000 clips; then, by `depth`, nothing more
    ("exists"), that the first frame decodes ("first"), or that all do ("all"). A file listed twice is read once.
    Threads suffice: OpenCV decodes without Python's lock. Without `skip_bad` the list's first bad clip is raised.
    strict: every frame is decoded, and a video that does not hold what its container says is a bad clip; else it goes
    to `source.notes`.
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
        bad.update(run_checks(entries, rest, source, check, title, skip_bad, workers, progress))
    return [entry for i, entry in enumerate(entries) if i not in bad], [bad[i] for i in sorted(bad)]


def run_checks(entries, indices, source, check, title, skip_bad, workers, progress) -> dict[int, BadClip]:
    """The bad clips among entries[indices], by index; the first is raised unless `skip_bad`."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    groups: dict[tuple, list[int]] = {}  # clips of the same frames
    for i in indices:
        groups.setdefault((entries[i].path, entries[i].offset, entries[i].num_frames), []).append(i)
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    bad: dict[int, BadClip] = {}

    def one(group: list[int]) -> Exception | None:
        try:
            return check(entries[group[0]], source)
        except (ValueError, OSError) as error:
            return error

    pool = ThreadPoolExecutor(workers or min(16, processors() * 2))
    try:
        console = plain_console(stderr=True)  # elsewhere than in a terminal a bar is an empty line
        with Progress(*columns, console=console, transient=True, disable=not (progress and console.is_terminal)) as bar:
            errors = bar.track(pool.map(one, groups.values()), len(groups), description=title)
            for group, error in zip(groups.values(), errors):
                if error is not None:
                    bad.update((i, bad_clip(entries[i], error)) for i in group)
                    if not skip_bad:
                        raise bad[group[0]]
    finally:
        pool.shutdown(cancel_futures=True)
    return bad


def check_exists(entry: Entry, source: FrameSource) -> None:
    """The video is there and not empty, or every frame is there."""
    if source.template is None:
        return video_file.check_file(entry.path)
    first, count = entry.offset + source.first, source.num_frames(entry)
    sub_folder, template = os.path.split(source.template)  # the folder's own part of a template like rgb/{:05d}.jpg
    folder = os.path.join(entry.path, sub_folder)
    try:
        names = set(os.listdir(folder))
    except OSError as error:
        raise ValueError(f"{folder}: missing frames ({error.strerror})") from None
    for number in range(first, first + count):
        if template.format(number) not in names:
            raise ValueError(f"{os.path.join(folder, template.format(number))}: missing frame of the {count} listed")


def check_frames(entry: Entry, source: FrameSource, whole: bool, strict: bool = False) -> None:
    """The first frame, or every frame, decodes. One frame is kept in memory at a time."""
    if source.template is None:
        found = survey(entry.path) if whole else None
        if found and found.decoded == 0:
            raise ValueError(f"{entry.path}: no frame could be decoded; wanted a video that OpenCV reads")
        if found and found.problem and strict:
            raise ValueError(f"{entry.path}: {found.problem}")
        if found and source.notes is not None:
            source.notes.add(entry.path, found.problem)
        video_file.read_frames(entry.path, lambda count: [0], threads=1, notes=source.notes)
        return
    for i in range(source.num_frames(entry) if whole else 1):
        frame_folder.read_frames(entry.path, source.template, [entry.offset + source.first + i])
