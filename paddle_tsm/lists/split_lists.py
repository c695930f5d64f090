"""The lists of a data set, made from the folder of its own split files: which files it holds, and what they give."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from paddle_tsm.files.made_folder import made_folder
from paddle_tsm.lists import split_files
from paddle_tsm.lists.split_files import write_list

SPLITS = (1, 2, 3)  # of UCF101
VERSIONS = ("v1", "v2")  # of Something-Something
# the data set's word for a part -> the word in the names of our lists
UCF101_PARTS = {"train": "train", "test": "val"}
SOMETHING_PARTS = {"train": "train", "validation": "val", "test-answers": "test"}


@dataclass(frozen=True)
class SplitList:
    """A list to be written. name: of its file. classes: how many the data set has."""

    name: str
    lines: list[str]
    classes: int


def ucf101_lists(folder: str, splits: Sequence[int] | None = None, frames: str | None = None) -> list[SplitList]:
    """The lists of UCF101 from its folder of split files. splits: which; None: those whose files are there. frames: as
    in `split_files`.

    Raises OSError for a split file that is not there, and ValueError for a mistake in one or where there is none.
    """
    classes = split_files.ucf101_classes(os.path.join(folder, "classInd.txt"))
    names = [(split, part) for split in dict.fromkeys(splits or SPLITS) for part in UCF101_PARTS]
    if not splits:
        names = [name for name in names if os.path.exists(ucf101_file(folder, *name))]
    if not names:
        raise ValueError(f"{folder}: holds no trainlist0N.txt and no testlist0N.txt")
    return [
        SplitList(
            f"ucf101_{UCF101_PARTS[part]}_split_{split}.txt",
            split_files.ucf101_lines(ucf101_file(folder, split, part), classes, frames),
            len(classes),
        )
        for split, part in names
    ]


def ucf101_file(folder: str, split: int, part: str) -> str:
    """The path of a split file of UCF101."""
    return os.path.join(folder, f"{part}list{split:02d}.txt")


def something_lists(version: str, folder: str, order: str | None = None, frames: str | None = None) -> list[SplitList]:
    """The lists of Something-Something from its folder of split files. That of the test is there where its answers are.

    version: one of VERSIONS. order: of the classes, for v1 alone (`split_files.something_v1_classes`). frames: as in
    `split_files`. Raises ValueError for a mistake, and for a file that is not there or is there under both its names.
    """
    if (order is None) == (version == "v1"):
        got = "none" if order is None else order
        raise ValueError(
            f"--order: got {got} for {version}; v1 needs it (MIT sorts the classes, mmaction2 does not), v2 has one "
            "order only"
        )
    if order is not None:
        ending, read_lines = "csv", split_files.something_v1_lines
        classes = split_files.something_v1_classes(something_file(version, folder, "labels.csv"), order)
    else:
        ending, read_lines = "json", split_files.something_v2_lines
        classes = split_files.something_v2_classes(something_file(version, folder, "labels.json"))
    lists = []
    for part, word in SOMETHING_PARTS.items():
        if part == "test-answers":  # the same form in both versions
            if not any(map(os.path.exists, something_places(version, folder, f"{part}.csv"))):
                continue
            lines = split_files.something_v1_lines(something_file(version, folder, f"{part}.csv"), classes, frames)
        else:
            lines = read_lines(something_file(version, folder, f"{part}.{ending}"), classes, frames)
        lists.append(SplitList(f"something_{version}_{word}.txt", lines, len(classes)))
    return lists


def something_places(version: str, folder: str, name: str) -> list[str]:
    """Where a split file may be. Older downloads have the data set's name in front of the file's."""
    return [os.path.join(folder, f"something-something-{version}-{name}"), os.path.join(folder, name)]


def something_file(version: str, folder: str, name: str) -> str:
    """The split file. Raises ValueError where it is not there, under either name, and where it is there under both."""
    places = something_places(version, folder, name)
    there = [path for path in places if os.path.exists(path)]
    if len(there) != 1:
        names = " and ".join(map(os.path.basename, places))
        raise ValueError(f"{folder}: holds {'neither' if not there else 'both'} of {names}; wanted one of them")
    return there[0]


def write_split_lists(out: str, lists: Iterable[SplitList]) -> Iterator[tuple[str, SplitList]]:
    """Write each of the lists to the folder `out`, which is made. Yields (the path that was written, the list)."""
    with made_folder(out):
        for one in lists:
            path = os.path.join(out, one.name)
            write_list(path, one.lines)
            yield path, one
