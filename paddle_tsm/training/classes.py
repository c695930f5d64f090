"""The classes of a training: how many there are, and their names."""

from __future__ import annotations

import os
from dataclasses import dataclass

from paddle_tsm.evaluation.class_names import read_names
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.training.run_folder import RESUME
from paddle_tsm.training.session import read_saved


@dataclass(frozen=True)
class Classes:
    """The number of classes and their names.

    names: in the order of the classes, or (). reason: where the number comes from, in words; None where the user gave
    it, or the training that is resumed.
    """

    count: int
    names: tuple[str, ...] = ()
    reason: str | None = None


def stated_classes(class_file: str | None, asked: int | None, before: Classes | None = None) -> Classes | None:
    """The classes of the class file; else as many as the user asked for; else those of `before`, which may be None.

    Raises ValueError where the class file has another number of names than the user asked for.
    """
    if class_file is not None:
        names = tuple(read_names(class_file))
        if asked not in (None, len(names)):
            raise ValueError(
                f"num_classes: got {asked}, but {class_file} names {len(names)} classes; wanted one of the two, or "
                "both alike"
            )
        return Classes(len(names), names, None if asked else f"as many as {class_file} names")
    if asked is not None:
        return Classes(asked, before.names if before is not None and before.count == asked else ())
    return before


def classes_of_labels(labels: set[int]) -> Classes:
    """As many classes as the largest label needs, where labels count from 0."""
    return Classes(max(labels) + 1, (), f"the largest label of the training list is {max(labels)}")


def classes_before(out: str, resume: bool, kept: str | None) -> Classes | None:
    """The classes of the training in the folder `out`, if it is resumed; else those of the checkpoint `kept`, whose
    classifier is kept; else None.
    """
    path = os.path.join(out, RESUME)
    if resume and os.path.exists(path):
        _, record = read_saved(path)
        return Classes(record["recipe"]["num_classes"], tuple(record["class_names"]))
    if kept is not None:
        found = read_network(kept)
        return Classes(found.network.num_classes, found.input.class_names, f"those of the classifier in {kept}")
    return None
