"""How clips become a network's input, and what its classes are called, as a training, a file or an export says it.

A file that paddle-tsm's training wrote records all of it. Where a file does not say something, one rule holds for every
command: the preset is that of the system whose layout the file has, else mmaction2's, and the other values are `USUAL`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from paddle_tsm.networks.option_checks import must_be_one_of, must_be_whole

USUAL = {"preset": "mmaction2", "size": 224, "sampling": "uniform", "crops": "centre"}


@dataclass(frozen=True)
class NetworkInput:
    """What is known of a network's input and classes; what is not known is None.

    preset, size (pixels), sampling, crops (of the validation), train_crop: as for `data.presets.preset`. data_set: a
    name in `data.datasets`. multi_label: whether clips have several labels. class_names: in the order of the classes;
    () where they are not known. Raises ValueError for a value of another type.
    """

    preset: str | None = None
    size: int | None = None
    sampling: str | None = None
    crops: str | None = None
    train_crop: str | None = None
    data_set: str | None = None
    multi_label: bool | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self):
        for name in ("preset", "sampling", "crops", "train_crop", "data_set"):
            if not isinstance(getattr(self, name), (str, type(None))):
                raise ValueError(f"{name}: got {getattr(self, name)!r}, wanted text")
        if self.size is not None:
            must_be_whole("size", self.size, 1)
        must_be_one_of("multi_label", self.multi_label, (None, True, False))
        names = self.class_names
        if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"class_names: got {names!r:.60}, wanted a list of texts")
        object.__setattr__(self, "class_names", tuple(names))

    def known(self) -> dict:
        """The values that are known, as JSON can hold them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["class_names"] = list(self.class_names) or None
        return {name: value for name, value in values.items() if value is not None}

    def filled(self) -> NetworkInput:
        """The same, with the usual value for preset, size, sampling and crops where none is known."""
        unknown: dict[str, Any] = {name: value for name, value in USUAL.items() if getattr(self, name) is None}
        return replace(self, **unknown)

    def changed(self, given: dict) -> NetworkInput:
        """The same, with the values that a user gave; None stands for not given."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def names_of(self, classes: int) -> list[str]:
        """A name for each class: its own where it is known, else "class 0", "class 1", ..."""
        return list(self.class_names) or [f"class {i}" for i in range(classes)]


# "twice" is a sampling of the test, for networks that were trained with "uniform". (Crops are not compared at all: they
# are a choice of the test.)
SAME_TRAINING = {"twice": "uniform"}


def contradictions(path: str, recorded: NetworkInput, given: dict) -> list[str]:
    """A line for each value that a user gave and that differs from the one that the file `path` records."""
    lines = []
    for name in ("preset", "size", "sampling"):
        here, there = given.get(name), getattr(recorded, name)
        if here is None or there is None or SAME_TRAINING.get(here, here) == SAME_TRAINING.get(there, there):
            continue
        lines.append(f"--{name}: {path} records {there}; {here} is used")
    names = given.get("class_names")
    if names and recorded.class_names and tuple(names) != recorded.class_names:
        k = next((i for i, (a, b) in enumerate(zip(names, recorded.class_names)) if a != b), 0)
        lines.append(f"--classes: {path} records that class {k} is {recorded.class_names[k]!r}; {names[k]!r} is used")
    return lines
