"""How many classes a training has, and what they are called: from the class file, or from the labels of the list."""

from __future__ import annotations

import os
from dataclasses import dataclass

from paddle_tsm.evaluation.class_names import read_names
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.training.run_folder import RESUME


@dataclass(frozen=True)
class Classes:
    """names: in the classes' order, or (). why: where the number comes from; None where the user, or the training that
    is gone on with, said it.
    """

    count: int
    names: tuple[str, ...] = ()
    why: str | None = None


def stated_classes(class_file: str | None, asked: int | None, before: Classes | None = None) -> Classes | None:
    """Those of the class file, else as many as the user asked for, else those of before; None where nothing says it.

    Raises ValueError where the class file has another number of names than was asked for.
    """
    if class_file is not None:
        names = tuple(read_names(class_file))
        if asked not in (None, len(names)):
            raise ValueError(
                f"num_classes: got {asked}, but {class_file} names {len(names)} classes; wanted one of the two, or both alike"
            )
        return Classes(len(names), names, None if asked else f"as many as {class_file} names")
    if asked is not None:
        return Classes(asked, before.names if before is not None and before.count == asked else ())
    return before


def classes_of_labels(labels: set[int]) -> Classes:
    """One more than the largest label."""
    return Classes(max(labels) + 1, (), f"the largest label of the training list is {max(labels)}")


def classes_before(out: str, resume: bool, kept: str | None) -> Classes | None:
    """Those of the training in the folder `out` that is gone on with, else of the checkpoint whose classifier is kept."""
    from paddle_tsm.training.session import read_saved

    path = os.path.join(out, RESUME)
    if resume and os.path.exists(path):
        _, record = read_saved(path)
        return Classes(record["recipe"]["num_classes"], tuple(record["class_names"]))
    if kept is not None:
        found = read_network(kept)
        return Classes(found.network.num_classes, found.input.class_names, f"those of the classifier in {kept}")
    return None
