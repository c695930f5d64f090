"""The lists of a training: which clips it trains and validates on, and how many classes they have."""

from __future__ import annotations

from dataclasses import dataclass

from paddle_tsm.data.annotations import Entry, read_list
from paddle_tsm.data.bad_clips import BadClip
from paddle_tsm.data.check_list import check_list
from paddle_tsm.data.datasets import data_set
from paddle_tsm.data.frame_source import FrameSource
from paddle_tsm.data.video_notes import VideoNotes
from paddle_tsm.training.classes import Classes, classes_of_labels
from paddle_tsm.training.processes import Processes


@dataclass(frozen=True)
class TrainingLists:
    """training, validation: the clips that can be read; validation may be empty. bad: the clips that cannot be."""

    classes: Classes
    training: list[Entry]
    validation: list[Entry]
    bad: list[BadClip]


def training_source(form: str, template: str | None, data_set_name: str | None) -> FrameSource:
    """Where the frames are: in videos, or in folders of images.

    The images are named as `template` says, else as in the data set, else img_00001.jpg and so on.
    """
    if form == "video":
        return FrameSource(notes=VideoNotes())
    if template is None:
        template = data_set(data_set_name).template if data_set_name else "img_{:05d}.jpg"
    return FrameSource(template, notes=VideoNotes())


def read_lists(
    training: str,
    validation: str | None,
    source: FrameSource,
    classes: Classes | None,
    processes: Processes,
    *,
    form: str,
    root: str,
    multi_label: bool,
    depth: str,
    skip_bad: bool,
) -> TrainingLists:
    """Read both lists and check their clips. Only the first process looks at the clips; the others get what it found.

    classes: None where the labels of the training list decide. depth: of `check_list`, or "none". Raises ValueError
    where no training clip can be read.
    """
    options = {"root": root, "multi_label": multi_label}
    entries = read_list(training, form, num_classes=classes and classes.count, **options)
    classes = classes or classes_of_labels({label for entry in entries for label in entry.labels})
    lists = [entries, read_list(validation, form, num_classes=classes.count, **options) if validation else []]
    bad: list[BadClip] = []
    if depth != "none":
        checked = processes.from_first(
            lambda: [check_list(entries, source, depth=depth, skip_bad=skip_bad) for entries in lists]
        )
        lists, bad = [entries for entries, _ in checked], [clip for _, clips in checked for clip in clips]
    if not lists[0]:
        raise ValueError(f"{training}: no clip of the list can be read")
    return TrainingLists(classes, lists[0], lists[1], bad)
