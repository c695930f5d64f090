"""A folder of classes in place of a list: a sub-folder for each class, named for it, which holds the class's videos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from paddle_tsm.lists.annotations import Entry

VIDEO_ENDINGS = frozenset(
    ".3gp .asf .avi .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .vob .webm .wmv".split()
)


@dataclass(frozen=True)
class ClassFolders:
    """What a folder of classes holds.

    root: the folder. classes: the names, in the order of their labels. entries: the videos, by class and name. strays:
    the paths of what is neither a class nor a video of one.
    """

    root: str
    classes: tuple[str, ...]
    entries: list[Entry]
    strays: list[str]

    @property
    def note(self) -> str | None:
        """A line about the strays; None where there are none."""
        if not self.strays:
            return None
        what = "1 file is" if len(self.strays) == 1 else f"{len(self.strays)} files or folders are"
        return f"{self.root}: {what} no video of a class, and left out: {self.strays[0]}" + (
            f" and {len(self.strays) - 1} more" if len(self.strays) > 1 else ""
        )

    def lines(self, entries: Sequence[Entry]) -> str:
        """The text of a list of these videos, with paths that start from the folder."""
        return "".join(f"{os.path.relpath(entry.path, self.root)} {entry.label}\n" for entry in entries)


def read_class_folders(root: str | os.PathLike, names: Sequence[str] = ()) -> ClassFolders:
    """The classes and videos in the folder `root`. Files whose ending is no video's and hidden ones are strays.

    names: of the classes, in the order of their labels; () for the folders' own, sorted. Not every one of them needs a
    folder. Raises OSError where a folder cannot be read, and ValueError for a folder without classes, for a class
    without a video, for one that is not among `names`, and for a name that no list can hold.
    """
    root = os.fspath(root)
    folders, strays = inside(root, os.path.isdir)
    if not folders:
        raise ValueError(f"{root}: holds no folder of a class; wanted CLASS/video.mp4 in it, or a list of clips")
    classes = tuple(names) or tuple(folders)
    unknown = [name for name in folders if name not in classes]
    if unknown:
        first = ", ".join(classes[:3]) + ", ..." * (len(classes) > 3)
        raise ValueError(
            f"{os.path.join(root, unknown[0])}: is none of the {len(classes)} classes ({first}); wanted their names "
            "for the folders"
        )
    entries: list[Entry] = []
    for name in folders:
        folder = os.path.join(root, name)
        videos, others = inside(folder, is_video)
        if not videos:
            raise ValueError(empty_class(folder, others))
        strays += others
        label = classes.index(name)
        entries += [Entry(os.path.join(folder, video), (label,), folder, 0) for video in videos]
    for entry in entries:
        check_name(entry.path)
    return ClassFolders(root, classes, sorted(entries, key=lambda entry: entry.label), strays)


def inside(folder: str, wanted) -> tuple[list[str], list[str]]:
    """(the sorted names of what is `wanted` in the folder, the paths of the rest). Hidden names are never wanted."""
    names, rest = [], []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not name.startswith(".") and wanted(path):
            names.append(name)
        else:
            rest.append(path)
    return names, rest


def is_video(path: str) -> bool:
    """Whether the path is a file whose name ends as a video's."""
    return os.path.splitext(path)[1].lower() in VIDEO_ENDINGS and os.path.isfile(path)


def empty_class(folder: str, others: list[str]) -> str:
    """The message for a class without a video. others: what its folder holds."""
    hint = "wanted a video for every class, or no such folder"
    if any(map(os.path.isdir, others)):
        hint = f"it holds folders, such as {others[0]}; wanted CLASS/video.mp4 in the folder that is given"
    return f"{folder}: holds no video; {hint}"


def check_name(path: str) -> None:
    """Raise ValueError where no line of a list can hold the path of a video, or no line of names that of its class."""
    name = os.path.basename(os.path.dirname(path))
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{path}: the name is no text in UTF-8; wanted another name") from None
    if name != name.strip() or len(path.splitlines()) > 1:
        raise ValueError(
            f"{path!r}: a name with line breaks, or a class with spaces around its name; wanted another name"
        )
