"""The lists of a training: the clips that it trains and validates on, and the classes that their labels mean."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field, replace
from typing import Any

from paddle_tsm.data.listed_clips import frame_source
from paddle_tsm.lists.annotations import Entry, read_list
from paddle_tsm.lists.bad_clips import BadClip
from paddle_tsm.lists.check_list import check_list
from paddle_tsm.lists.class_folders import read_class_folders
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.lists.validation_split import split_clips
from paddle_tsm.processes.processes import Processes
from paddle_tsm.training.arguments import SPLIT, TrainingArguments
from paddle_tsm.training.classes import Classes, classes_of_labels
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.run_folder import CLASS_LIST, TRAIN_LIST, VALIDATION_LIST
from paddle_tsm.videos.frame_folder import FLOW

DEFAULT_TEMPLATE = "img_{:05d}.jpg"  # the names of frames where neither the user nor a data set says them


@dataclass(frozen=True)
class TrainingLists:
    """The clips that can be read: `training`, and `validation`, which may be empty. bad: the clips that cannot.
    remarks: what is to be said of them. files: the name and the text of the lists that are to be written into the
    training's folder, because LIST is a folder of classes.
    """

    classes: Classes
    training: list[Entry]
    validation: list[Entry] = field(default_factory=list)
    bad: list[BadClip] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def training_source(form: str, template: str | None, recipe: Recipe) -> FrameSource:
    """The FrameSource of lists of this form for a training: see `frame_source`.

    template: the names of the frames in a folder; None for those of the data set, else DEFAULT_TEMPLATE; of optical
    flow for its own. For videos it
    is not used.
    """
    if form == "video":
        template = None
    elif not template and not recipe.data_set and recipe.pixels().reader != FLOW:
        template = DEFAULT_TEMPLATE
    return frame_source(form, template, recipe.data_set, first_frame=1, reader=recipe.pixels().reader)


def read_lists(
    asked: TrainingArguments,
    recipe: Recipe,
    source: FrameSource,
    classes: Classes | None,
    processes: Processes,
    before: str | None = None,
) -> TrainingLists:
    """Read the clips to train and to validate on, and check them. Only the first process looks at the clips, and tells
    the others.

    classes: None for as many as the labels of the training list need, or the folders of LIST. before: the folder of the
    training that is resumed. Raises ValueError where no training clip can be read, and, without --skip-bad, BadClip for
    the first clip that cannot.
    """
    assert asked.list is not None
    found = read_training_clips(asked, recipe, classes, before)
    classes, lists = found.classes, [found.training, found.validation]
    if asked.validation is not None:
        lists[1] = read_validation(asked, recipe, classes, found.remarks)
    bad: list[BadClip] = []
    if asked.check != "none":
        checked = processes.from_first(
            lambda: [check_list(entries, source, depth=asked.check, skip_bad=asked.skip_bad) for entries in lists]
        )
        lists, bad = [entries for entries, _ in checked], [clip for _, clips in checked for clip in clips]
    if not lists[0]:
        raise ValueError(f"{asked.list}: no clip of the list can be read")
    return replace(found, training=lists[0], validation=lists[1], bad=bad)


def read_training_clips(
    asked: TrainingArguments, recipe: Recipe, classes: Classes | None, before: str | None
) -> TrainingLists:
    """The clips of LIST and, of a folder of classes without --validation, those that are held out of it."""
    assert asked.list is not None
    if os.path.isdir(asked.list):
        check_folder_options(asked, recipe)
        written = os.path.join(before or "", TRAIN_LIST)
        if before is not None and os.path.exists(written):
            return written_lists(asked, classes, before)
        return split_folder(asked, recipe.seed, classes)
    if asked.split is not None:
        raise ValueError(
            "--split: got a list of clips, wanted a folder of classes as LIST; a list has its --validation"
        )
    options: dict[str, Any] = {"root": asked.root, "multi_label": recipe.multi_label}
    entries = read_list(asked.list, asked.form, num_classes=None if classes is None else classes.count, **options)
    return TrainingLists(classes or classes_of_labels({label for entry in entries for label in entry.labels}), entries)


def check_folder_options(asked: TrainingArguments, recipe: Recipe) -> None:
    """Raise ValueError for an option that does not go with a folder of classes as LIST."""
    if asked.form != "video":
        raise ValueError(
            f"{asked.list}: is a folder of classes, which holds videos; wanted a list for --form {asked.form}"
        )
    if recipe.multi_label:
        raise ValueError(
            f"{asked.list}: is a folder of classes, where a clip has one; wanted a list for multi_label=true"
        )
    if asked.split is not None and asked.validation is not None:
        raise ValueError("--split: got --validation beside it, wanted one of them")
    if asked.split is not None and not 0 <= asked.split < 1:
        raise ValueError(f"--split: got {asked.split:g}, wanted a share from 0 to below 1, such as 0.2")


def split_folder(asked: TrainingArguments, seed: int, classes: Classes | None) -> TrainingLists:
    """The videos of the folder of classes, split where there is no --validation."""
    assert asked.list is not None
    found = read_class_folders(asked.list, classes.names if classes else ())
    count = len(found.classes)
    if classes is not None and classes.count != count:
        raise ValueError(
            f"num_classes: got {classes.count}, but {asked.list} has {count} classes; wanted one of the two, or "
            "--classes with a name for each"
        )
    named = (
        classes if classes and classes.names else Classes(count, found.classes, f"as many as {asked.list} has folders")
    )
    share = 0.0 if asked.validation is not None else SPLIT if asked.split is None else asked.split
    training, validation = split_clips(found.entries, share, seed)
    files = {TRAIN_LIST: found.lines(training), CLASS_LIST: "".join(f"{name}\n" for name in found.classes)}
    if validation:
        files[VALIDATION_LIST] = found.lines(validation)
    remarks = [found.note] if found.note else []
    if share:
        remarks.append(
            f"{asked.list}: {len(training)} clips are trained on and {len(validation)} validated on "
            f"(--split {share:g}); {', '.join(files)} in --out are the lists, with --root {shlex.quote(asked.list)}"
        )
    return TrainingLists(named, training, validation, remarks=remarks, files=files)


def written_lists(asked: TrainingArguments, classes: Classes | None, before: str) -> TrainingLists:
    """The split that the resumed training wrote, so that it stays the same where the folder has other videos now."""
    assert asked.list is not None and classes is not None
    options: dict[str, Any] = {"root": asked.list, "num_classes": classes.count}
    training = read_list(os.path.join(before, TRAIN_LIST), **options)
    held_out = os.path.join(before, VALIDATION_LIST)
    return TrainingLists(classes, training, read_list(held_out, **options) if os.path.exists(held_out) else [])


def read_validation(asked: TrainingArguments, recipe: Recipe, classes: Classes, remarks: list[str]) -> list[Entry]:
    """The clips of --validation, a list or a folder of classes."""
    assert asked.validation is not None
    if not os.path.isdir(asked.validation):
        options: dict[str, Any] = {"root": asked.root, "multi_label": recipe.multi_label}
        return read_list(asked.validation, asked.form, num_classes=classes.count, **options)
    if not classes.names:
        raise ValueError(
            f"{asked.validation}: is a folder of classes, whose labels are not known; wanted --classes FILE"
        )
    check_folder_options(replace(asked, list=asked.validation), recipe)
    found = read_class_folders(asked.validation, classes.names)
    remarks += [found.note] if found.note else []
    return found.entries
