"""Where videos come from, as a user names them: files, folders, patterns, a list, pipes, addresses, cameras."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import url2pathname

from paddle_tsm.lists.class_folders import VIDEO_ENDINGS

FILE, PIPE, ADDRESS, CAMERA = "file", "pipe", "address", "camera"
PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/@]*@")


@dataclass(frozen=True)
class VideoSource:
    """One source of frames.

    name: a path, an address, "-" for standard input, or the number of a camera. kind: FILE, PIPE, ADDRESS or CAMERA.
    """

    name: str
    kind: str = FILE

    @property
    def shown(self) -> str:
        """Its name for messages and results, without the password of an address."""
        if self.kind == ADDRESS:
            return PASSWORD.sub(r"\1:***@", self.name)
        return {PIPE: "standard input", CAMERA: f"camera {self.name}"}.get(self.kind, self.name)

    @property
    def path(self) -> str | None:
        """Its path where it is a file, else None."""
        return self.name if self.kind == FILE else None


def source_of(name: str) -> VideoSource:
    """The source with this name. A path need not exist."""
    if name == "-":
        return VideoSource(name, PIPE)
    if name.startswith("file://"):
        return VideoSource(url2pathname(urlsplit(name).path))
    if "://" in name:
        return VideoSource(name, ADDRESS)
    if name.isascii() and name.isdigit() and not os.path.exists(name):
        return VideoSource(name, CAMERA)
    return VideoSource(name)


def find_sources(names: Iterable[str], list_file: str | None = None, root: str = "") -> list[VideoSource]:
    """The sources that the names stand for, each once, in their order.

    A folder stands for the videos in it and in the folders below it, sorted by path; files with another ending than a
    video's and hidden ones are left out. A name with *, ? or [ that is no file is a pattern, in which ** stands for any
    number of folders. list_file: a file with one more source a line; see `listed_names`.

    Raises ValueError for a folder or a pattern without a video, and where nothing is named; OSError where the list or a
    folder cannot be read.
    """
    every = [*names, *(listed_names(list_file, root) if list_file else ())]
    found: dict[VideoSource, None] = {}
    for name in every:
        found.update(dict.fromkeys(expanded(name)))
    if not found:
        raise ValueError(
            f"{list_file}: names no video; wanted one a line"
            if list_file
            else "got no video; wanted a file, a folder, a pattern, an address, or - for standard input"
        )
    return list(found)


def expanded(name: str) -> list[VideoSource]:
    """The sources that one name stands for. Raises ValueError as `find_sources` does."""
    if os.path.isdir(name):
        videos = videos_in(name)
        if not videos:
            raise ValueError(f"{name}: no video in this folder; wanted files such as clip.mp4 in it")
        return videos
    one = source_of(name)
    if one.kind == FILE and glob.has_magic(name) and not os.path.exists(name):
        paths = sorted(path for path in glob.glob(name, recursive=True) if os.path.isfile(path))
        if not paths:
            raise ValueError(f"{name}: no file fits this pattern")
        return [VideoSource(path) for path in paths]
    return [one]


def videos_in(folder: str) -> list[VideoSource]:
    """The videos in the folder and in those below it, sorted by path."""
    paths = []
    for place, folders, files in os.walk(folder, onerror=raise_it):
        folders[:] = [one for one in folders if not one.startswith(".")]
        kept = (one for one in files if not one.startswith("."))
        paths += [os.path.join(place, one) for one in kept if os.path.splitext(one)[1].lower() in VIDEO_ENDINGS]
    return [VideoSource(path) for path in sorted(paths)]


def raise_it(error: OSError) -> None:
    """Raise what `os.walk` would leave out."""
    raise error


def listed_names(list_file: str, root: str) -> list[str]:
    """The names in a list, one a line. Empty lines and those that begin with # are skipped.

    A path starts from `root`. A line of a list of clips, `path label`, names its path, where that is a file and the
    whole line is none. Raises OSError where it cannot be read, and ValueError where it is not text.
    """
    names = []
    try:
        with open(list_file, encoding="utf-8-sig") as file:
            lines = [line.strip() for line in file]
    except UnicodeDecodeError:
        raise ValueError(f"{list_file}: not text in UTF-8; wanted a list of videos, one a line") from None
    for line in lines:
        if line and not line.startswith("#"):
            names.append(line if source_of(line).kind in (ADDRESS, PIPE) else listed_path(os.path.join(root, line)))
    return names


def listed_path(line: str) -> str:
    """The path of a line, without a label behind it."""
    path, _, label = line.rpartition(" ")
    labelled = label.isascii() and label.isdigit() and not os.path.exists(line) and os.path.exists(path.rstrip())
    return path.rstrip() if labelled else line
