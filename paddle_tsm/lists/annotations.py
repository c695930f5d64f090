"""Lists of clips, with one clip on each line, in the three forms that the upstream systems use.

| form | line | clip |
| --- | --- | --- |
| "video" | `path label` | a video file |
| "frames" | `path num_frames label` | a folder of frames |
| "offset" | `dir offset num_frames label` | num_frames of a folder's frames, after the first `offset` |

Fields are separated by white space or, where a line has none that separates them, by commas. A line with one label is
split from its end, so its path may contain spaces. With `multi_label` a line is split from its start, so its path must
not contain spaces; every field after the fixed ones holds labels, separated by commas where it holds several. Empty
lines are skipped, and so are comments: lines that begin with # and are no clip.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

# form -> how many numbers stand between the path and the labels
FORMS = {"video": 0, "frames": 1, "offset": 2}


@dataclass(frozen=True, slots=True)
class Entry:
    """One clip of a list.

    list_file, line: where it is listed, lines counted from 1; for a video in a folder of its class that folder, and 0.
    num_frames: the number of frames in its folder; None for
    a video file, which has its own length. offset: how many images of the folder come before its first frame.
    """

    path: str
    labels: tuple[int, ...]
    list_file: str
    line: int
    num_frames: int | None = None
    offset: int = 0

    @property
    def label(self) -> int:
        """The only label; ValueError for a clip with several."""
        if len(self.labels) != 1:
            raise ValueError(f"{self.where}: {self.path} has labels {list(self.labels)}, wanted one")
        return self.labels[0]

    @property
    def where(self) -> str:
        """The list and the line, or the folder, for messages."""
        return f"{self.list_file}, line {self.line}" if self.line else self.list_file


def read_list(
    list_file: str | os.PathLike,
    form: str = "video",
    *,
    root: str | os.PathLike = "",
    num_classes: int | None = None,
    multi_label: bool = False,
) -> list[Entry]:
    """The clips of a list, in its order. Their paths are taken relative to `root`.

    Raises OSError where the list cannot be read, and ValueError that names file and line for a line with too few
    fields, for a label, frame count or offset that is not a whole number, for a label that is not below `num_classes`,
    and for a list without clips.
    """
    if form not in FORMS:
        raise ValueError(f"list form: got {form!r}, wanted one of {', '.join(FORMS)}")
    name, entries = os.fspath(list_file), []
    with open(list_file, "rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                raise ValueError(f"{name}, line {number}: not text in UTF-8; is this a list of clips?") from None
            if line:
                try:
                    path, numbers, labels = split_line(line, form, multi_label)
                    check_labels(labels, num_classes)
                except ValueError as error:
                    if line.startswith("#"):
                        continue
                    raise ValueError(f"{name}, line {number}: {error}") from None
                frames = numbers[-1] if numbers else None
                offset = numbers[0] if form == "offset" else 0
                entries.append(Entry(os.path.join(root, path), labels, name, number, frames, offset))
    if not entries:
        raise ValueError(f"{name}: the list is empty; wanted a line for each clip, like {example(form)!r}")
    return entries


def split_line(line: str, form: str, multi_label: bool) -> tuple[str, list[int], tuple[int, ...]]:
    """(path, the numbers between path and labels, labels) of one line. Raises ValueError for another form of line."""
    between = FORMS[form]
    fields = line.split() if multi_label else line.rsplit(None, between + 1)
    if not multi_label:
        fields = by_commas(line, between + 2) or fields
    fields = [field.strip() for field in fields]
    if len(fields) < between + 2 or not fields[0]:
        raise ValueError(f"got {line!r}, wanted {example(form)!r}")
    numbers = [whole_number(text, what) for text, what in zip(fields[1:], ("offset", "frame count")[2 - between :])]
    if numbers and numbers[-1] < 1:
        raise ValueError(f"frame count: got {numbers[-1]}, wanted at least 1")
    texts = fields[between + 1 :]
    if multi_label:
        texts = [text for field in texts for text in field.split(",") if text]
    return fields[0], numbers, tuple(whole_number(text, "label") for text in texts)


def by_commas(line: str, count: int) -> list[str] | None:
    """The fields of `path,label` or `path, label`, as spreadsheets write it; None for another line.

    Several labels of one clip, as in `path 3,5`, are no such fields.
    """
    path, *numbers = (field.strip() for field in line.rsplit(",", count - 1))
    if len(numbers) != count - 1 or not all(number.isdigit() for number in numbers):
        return None
    return None if path.split()[1:] and path.split()[-1].isdigit() else [path, *numbers]


def check_labels(labels: tuple[int, ...], num_classes: int | None) -> None:
    """Raise ValueError for no label, for the same label twice and for one that is not below `num_classes`."""
    if not labels:
        raise ValueError("no label")
    if len(set(labels)) < len(labels):
        raise ValueError(f"labels: got {list(labels)}, one of them twice")
    if num_classes is not None and max(labels) >= num_classes:
        raise ValueError(f"label {max(labels)}, wanted 0 to {num_classes - 1} for {num_classes} classes")


def whole_number(text: str, what: str) -> int:
    """The number that `text` is in ASCII digits. `int` alone would also take "1_000", "+3" and the digits of other
    scripts."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{what}: got {text!r}, wanted a whole number from 0")
    return int(text)


def example(form: str) -> str:
    """A line of this form, for messages."""
    return {"video": "path label", "frames": "path num_frames label", "offset": "dir offset num_frames label"}[form]
