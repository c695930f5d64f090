"""Lists of clips made from the split files of UCF101 and Something-Something V1 and V2.

The `*_classes` functions read the classes of a data set, and the `*_lines` functions return the lines of a list, which
`write_list` writes. A line is `path label`. With `frames`, a folder that holds one folder of images for each video, a
line is `folder num_frames label`, and the images are counted.
"""

from __future__ import annotations

import csv
import json
import os
from typing import TypeAlias

from paddle_tsm.files.atomic import atomic_file

Path: TypeAlias = str | os.PathLike


def write_list(path: Path, lines: list[str]) -> None:
    """Write the lines to a file that appears complete or not at all."""
    with atomic_file(path) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


def list_line(video: str, label: int, frames: Path | None = None) -> str:
    """The line of a list for one video. Raises ValueError where its folder of images is missing or empty."""
    if frames is None:
        return f"{video} {label}"
    folder = os.path.splitext(video)[0]
    path = os.path.join(frames, folder)
    try:
        count = sum(entry.is_file() for entry in os.scandir(path))
    except OSError as error:
        raise ValueError(f"{path}: no folder of frames ({error.strerror}) for {video}") from None
    if count == 0:
        raise ValueError(f"{path}: no frames in the folder")
    return f"{folder} {count} {label}"


def text_lines(path: Path) -> list[tuple[int, str]]:
    """(its number, counted from 1; its text) for each line that is not empty."""
    with open(path, encoding="utf-8-sig") as file:
        return [(number, text.strip()) for number, text in enumerate(file, 1) if text.strip()]


def ucf101_classes(path: Path) -> dict[str, int]:
    """Class name -> label, read from `classInd.txt`, whose lines are like `1 ApplyEyeMakeup`. Labels count from 0.

    Raises ValueError that names the line.
    """
    classes: dict[str, int] = {}
    for number, text in text_lines(path):
        index, _, name = text.partition(" ")
        if not index.isdigit() or not name or int(index) != len(classes) + 1:
            raise ValueError(f"{path}, line {number}: got {text!r}, wanted '{len(classes) + 1} NameOfClass'")
        classes[name] = int(index) - 1
    return classes


def ucf101_lines(split: Path, classes: dict[str, int], frames: Path | None = None) -> list[str]:
    """The lines for a `trainlist0N.txt` (lines like `Class/video.avi 1`) or `testlist0N.txt` (`Class/video.avi`).

    The label is that of the folder's class. Raises ValueError that names the line where the class is unknown or is not
    the number's.
    """
    lines = []
    for number, text in text_lines(split):
        video, _, index = text.partition(" ")
        name = video.partition("/")[0]
        if name not in classes:
            raise ValueError(f"{split}, line {number}: class {name!r} is not among the {len(classes)} known")
        if index and index != str(classes[name] + 1):
            raise ValueError(f"{split}, line {number}: got {index} for {name}, wanted {classes[name] + 1}")
        lines.append(list_line(video, classes[name], frames))
    return checked_lines(lines, split)


ORDERS = ("mmaction2", "mit")
VIDEO = ".webm"  # the ending of a video file of Something-Something


def something_v1_classes(path: Path, order: str) -> dict[str, int]:
    """Template -> label, read from `something-something-v1-labels.csv`, which has one template on each line.

    order: of the labels; "mmaction2" is the order of the file, "mit" is sorted (tools/gen_label_sthv1.py 1f6a834). A
    checkpoint's classes have the order of the system that made it. Raises ValueError for another order.
    """
    if order not in ORDERS:
        raise ValueError(f"class order: got {order!r}, wanted one of {', '.join(ORDERS)}")
    names = [text for _, text in text_lines(path)]
    return {name: i for i, name in enumerate(sorted(names) if order == "mit" else names)}


def something_v1_lines(split: Path, classes: dict[str, int], frames: Path | None = None) -> list[str]:
    """The lines for a `something-something-v1-{train,validation}.csv` or, of either version, a `test-answers.csv`,
    whose lines are like `id;template`.

    Raises ValueError that names the line.
    """
    lines = []
    with open(split, encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter=";", quoting=csv.QUOTE_NONE), 1):
            if not row:
                continue
            if len(row) != 2 or row[1].strip() not in classes:
                got = ";".join(row)
                raise ValueError(f"{split}, line {number}: got {got!r}, wanted 'id;template' with a known template")
            lines.append(list_line(row[0] + VIDEO, classes[row[1].strip()], frames))
    return checked_lines(lines, split)


def something_v2_classes(path: Path) -> dict[str, int]:
    """Template -> label, read from `labels.json` (`{"Approaching something": "0", ...}`).

    Raises ValueError for any other content.
    """
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    if not isinstance(found, dict) or sorted(map(str, found.values()), key=str) != sorted(map(str, range(len(found)))):
        raise ValueError(f"{path}: wanted an object of template -> number, the numbers from 0 on")
    return {name: int(label) for name, label in found.items()}


def something_v2_lines(split: Path, classes: dict[str, int], frames: Path | None = None) -> list[str]:
    """The lines for the second version's `train.json` or `validation.json`, a list of objects with "id" and "template".

    Square brackets in a template are left out. Raises ValueError that names the record.
    """
    with open(split, encoding="utf-8") as file:
        records = json.load(file)
    lines = []
    for number, record in enumerate(records if isinstance(records, list) else [records], 1):
        template = record.get("template", "") if isinstance(record, dict) else ""
        name = template.replace("[", "").replace("]", "")
        if name not in classes or "id" not in record:
            raise ValueError(f"{split}, record {number}: got {str(record)[:100]}, wanted an id and a known template")
        lines.append(list_line(f"{record['id']}{VIDEO}", classes[name], frames))
    return checked_lines(lines, split)


def checked_lines(lines: list[str], split: Path) -> list[str]:
    """The lines of the list. Raises ValueError where there is none."""
    if not lines:
        raise ValueError(f"{split}: the split is empty")
    return lines
