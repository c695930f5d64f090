"""Folders of optical flow for the clips of a list, each of which appears complete or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from threading import Event

import cv2
import numpy as np

from paddle_tsm.data.optical_flow import flow_pictures
from paddle_tsm.data.resize import opencv_short
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.lists.bad_clips import BadClip, SkippedClips, bad_clip
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.videos.frame_folder import FLOW_TEMPLATE, image_names
from paddle_tsm.videos.open_video import check_file, open_video


@dataclass(frozen=True)
class FlowSettings:
    """How flow is computed. method, bound: see `optical_flow`. short: the short edge that frames are scaled to
    first, in pixels; None: they stay as they are.
    """

    method: str
    bound: float
    short: int | None


class Interrupted(Exception):
    """A clip was given up because the program ends."""


def folder_names(entries: list[Entry], root: str) -> list[str]:
    """The folder of each clip, by the path that its list gives it, without a video's ending.

    Raises ValueError for a clip that is not below `root`, and where two clips would have one folder.
    """
    owners: dict[str, str] = {}
    names = []
    for entry in entries:
        path = os.path.relpath(entry.path, root or os.curdir)
        if path.startswith(os.pardir) or os.path.isabs(path):
            raise ValueError(
                f"{entry.where}: {entry.path} is not below the root of the list; wanted one that holds every clip"
            )
        name = os.path.splitext(path)[0] if entry.num_frames is None else path
        if owners.setdefault(name, entry.path) != entry.path:
            raise ValueError(
                f"{entry.where}: {entry.path} and {owners[name]} would have one folder, {name}; wanted other names"
            )
        names.append(name)
    return names


def write_flow_folders(
    entries: list[Entry],
    names: list[str],
    source: FrameSource,
    out: str,
    settings: FlowSettings,
    *,
    workers: int,
    skipped: SkippedClips | None,
    done: Callable[[int], None],
) -> dict[str, int]:
    """Write the folder of each clip below `out`, and return the number of pictures in each, by its name.

    A folder that is there is complete, and is left as it is. names: see `folder_names`. workers: threads; each clip is
    one thread's. skipped: takes the clips that cannot be read; without it BadClip is raised for one of them.
    done: is called with the number of clips that are done. Where the program is interrupted, the clips that are being
    worked on are removed.
    """
    stop, counts = Event(), {}
    pool = ThreadPoolExecutor(workers)
    try:
        clips = dict(zip(names, entries))
        futures = {pool.submit(write_flow, clips[n], source, os.path.join(out, n), settings, stop): n for n in clips}
        for number, future in enumerate(as_completed(futures), 1):
            try:
                counts[futures[future]] = future.result()
            except BadClip as bad:
                if skipped is None:
                    raise
                skipped.add(bad)
            done(number)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    return counts


def write_flow(entry: Entry, source: FrameSource, folder: str, settings: FlowSettings, stop: Event) -> int:
    """Write one clip's folder, unless it is there, and return its number of pictures. Raises BadClip."""
    if os.path.isdir(folder):
        return sum(name.startswith(image_names(FLOW_TEMPLATE, 1)[0][:6]) for name in os.listdir(folder))
    parent, name = os.path.split(folder)
    temporary = os.path.join(parent, f".{name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # a killed program left it
    os.makedirs(temporary)
    try:
        count = write_pictures(entry, source, temporary, settings, stop)
        os.replace(temporary, folder)
        return count
    except (ValueError, cv2.error) as error:
        raise error if isinstance(error, BadClip) else bad_clip(entry, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_pictures(entry: Entry, source: FrameSource, folder: str, settings: FlowSettings, stop: Event) -> int:
    """Write the pictures of flow of one clip, and return their number. Raises ValueError for fewer than two frames."""
    number = 0
    with contextlib.closing(frames_in_order(entry, source)) as frames:
        scaled = (frame if settings.short is None else opencv_short(frame, settings.short) for frame in frames)
        for number, picture in enumerate(flow_pictures(scaled, settings.method, settings.bound), 1):
            if stop.is_set():
                raise Interrupted
            for name, plane in zip(image_names(FLOW_TEMPLATE, number), cv2.split(picture)):
                _, encoded = cv2.imencode(".jpg", plane)
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(encoded.tobytes())
    if number == 0:
        raise ValueError(f"{entry.path}: has fewer than two frames, between which something could move")
    return number


def only(index: int, count: int) -> np.ndarray:
    """One frame, whatever their number."""
    return np.array([index])


def frames_in_order(entry: Entry, source: FrameSource) -> Generator[np.ndarray, None, None]:
    """Yield every frame of a clip, RGB, one at a time. Raises ValueError where it cannot be read."""
    if source.template is not None:
        for index in range(source.num_frames(entry)):
            (frame,) = source.read(entry, partial(only, index))
            yield frame
        return
    check_file(entry.path)
    capture = open_video(entry.path, source.threads)
    try:
        while True:
            found, frame = capture.read()
            if not found:
                break
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()
