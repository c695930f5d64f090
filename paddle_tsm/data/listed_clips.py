"""The clips of a list as the commands ask for them: where their frames are, and which of them can be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from paddle_tsm.data.datasets import data_set
from paddle_tsm.lists.annotations import Entry, read_list
from paddle_tsm.lists.bad_clips import BadClip
from paddle_tsm.lists.check_list import check_list
from paddle_tsm.lists.class_folders import read_class_folders
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.videos.frame_folder import FLOW, FLOW_TEMPLATE
from paddle_tsm.videos.video_notes import VideoNotes


def frame_source(
    form: str, template: str | None, data_set_name: str | None, first_frame: int, reader: str = "opencv"
) -> FrameSource:
    """The FrameSource of a list of this form: video files for "video", else folders of numbered images.

    template: the images' names; None for those of the data set. first_frame: the number of a folder's first image.
    reader: the preset's; optical flow has names of its own, whatever the data set. Raises ValueError where the images'
    names are not known, for a template where the form is "video", and where the list has RGB frames and the preset
    takes optical flow, or the other way round.
    """
    if form == "video":
        if template is not None:
            raise ValueError("--template: got one for a list of videos, wanted --form frames or offset beside it")
        source = FrameSource(notes=VideoNotes())
        source.check_reader(reader)
        return source
    if reader == FLOW:
        template = template or FLOW_TEMPLATE
    template = template or (data_set(data_set_name).template if data_set_name else None)
    if template is None:
        raise ValueError(
            f"--form {form}: got no names of the frames, wanted --template, such as img_{{:05d}}.jpg, or --data-set"
        )
    source = FrameSource(template, first_frame, notes=VideoNotes())
    source.check_reader(reader)
    return source


def read_checked_list(
    path: str,
    form: str,
    source: FrameSource,
    *,
    root: str,
    num_classes: int | None,
    class_names: Sequence[str],
    multi_label: bool,
    depth: str,
    skip_bad: bool,
    strict: bool,
    remark: Callable[[str], None],
) -> tuple[list[Entry], list[BadClip]]:
    """(the clips of the list that can be read, the others).

    path: of a list or of a folder of classes. form, root, num_classes, multi_label: see `read_list`. class_names: those
    of the network, or (), by which the videos of a folder get their labels. num_classes: None for any labels. remark:
    is called with what is to be said of a folder. depth: see `check_list`, or "none" for no check. strict: every video
    is decoded whole, whatever the depth. Raises ValueError where no clip can be read, and, without
    `skip_bad`, BadClip for the first clip that cannot.
    """
    if os.path.isdir(path):
        entries = folder_entries(path, form, num_classes, class_names, remark)
    else:
        entries = read_list(path, form, root=root, num_classes=num_classes, multi_label=multi_label)
    if depth == "none" and not strict:
        return entries, []
    good, bad = check_list(entries, source, depth="all" if depth == "none" else depth, skip_bad=skip_bad, strict=strict)
    if not good:
        raise ValueError(f"{path}: none of the {len(entries)} clips can be read; the first: {bad[0]}")
    return good, bad


def folder_entries(
    path: str, form: str, num_classes: int | None, class_names: Sequence[str], remark: Callable[[str], None]
) -> list[Entry]:
    """The videos of a folder of classes for a network of `num_classes` classes.

    Arguments as for `read_checked_list`.
    """
    if form != "video":
        raise ValueError(f"{path}: is a folder of classes, which holds videos; wanted a list for --form {form}")
    found = read_class_folders(path, class_names)
    if num_classes is not None and len(found.classes) != num_classes:
        raise ValueError(
            f"{path}: has {len(found.classes)} classes, the network {num_classes} without names; wanted --classes with "
            "a name for each of the network's"
        )
    if found.note:
        remark(found.note)
    return found.entries
