"""The lists of a training: the clips that it trains and validates on, and the classes that their labels mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paddle_tsm.data.annotations import Entry, read_list
from paddle_tsm.data.bad_clips import BadClip
from paddle_tsm.data.check_list import check_list
from paddle_tsm.data.frame_source import FrameSource
from paddle_tsm.data.listed_clips import frame_source
from paddle_tsm.training.classes import Classes, classes_of_labels
from paddle_tsm.training.processes import Processes

DEFAULT_TEMPLATE = "img_{:05d}.jpg"  # the names of frames where neither the user nor a data set says them


@dataclass(frozen=True)
class TrainingLists:
    """The clips that can be read: `training`, and `validation`, which may be empty. bad: the clips that cannot."""

    classes: Classes
    training: list[Entry]
    validation: list[Entry]
    bad: list[BadClip]


def training_source(form: str, template: str | None, data_set_name: str | None) -> FrameSource:
    """The FrameSource of lists of this form: see `frame_source`.

    template: the names of the frames in a folder; None for those of the data set, else DEFAULT_TEMPLATE. For videos it
    is not used.
    """
    if form == "video":
        template = None
    elif not template and not data_set_name:
        template = DEFAULT_TEMPLATE
    return frame_source(form, template, data_set_name, first_frame=1)


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
    """Read both lists and check their clips. Only the first process looks at the clips, and tells the others.

    training, validation: the files. classes: None for as many as the labels of the training list need. form, root,
    multi_label: see `read_list`. depth: see `check_list`, or "none" for no check. Raises ValueError where no training
    clip can be read, and, without `skip_bad`, BadClip for the first clip that cannot.
    """
    options: dict[str, Any] = {"root": root, "multi_label": multi_label}
    entries = read_list(training, form, num_classes=None if classes is None else classes.count, **options)
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
