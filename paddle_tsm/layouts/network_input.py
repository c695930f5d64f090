"""How clips become a network's input, and what its classes are called: what a training, a file or an export says of it.

A file that paddle-tsm's training wrote records all of it. For what a file does not say there is one rule, for every
command: the pixels of the system whose layout the file has, else mmaction2's, and its usual setting.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from paddle_tsm.networks.option_checks import must_be_one_of, must_be_whole

USUAL = {"preset": "mmaction2", "size": 224, "sampling": "uniform", "crops": "centre"}


@dataclass(frozen=True)
class NetworkInput:
    """preset, size (pixels), sampling, crops, train_crop: see `data.presets.preset`; `crops` are those of the
    validation. data_set: a name of `data.datasets`. multi_label: clips have several labels. class_names: in the
    classes' order, or (). What is not known is None. Raises ValueError for a value of another kind.
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
        """What is known, as plain values for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["class_names"] = list(self.class_names) or None
        return {name: value for name, value in values.items() if value is not None}

    def filled(self) -> NetworkInput:
        """The usual values where none is known, so that a preset can be made of it."""
        return replace(self, **{name: value for name, value in USUAL.items() if getattr(self, name) is None})

    def changed(self, given: dict) -> NetworkInput:
        """With what a user gave; None is as good as not given."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def names_of(self, classes: int) -> list[str]:
        """A name for each of `classes` classes: its own, or "class 0", "class 1", ..."""
        return list(self.class_names) or [f"class {i}" for i in range(classes)]


# training knows one clip of frames; "twice" tests on two of them, and crops are a choice of the test alone
SAME_TRAINING = {"twice": "uniform"}


def contradictions(path: str, recorded: NetworkInput, given: dict) -> list[str]:
    """A line for each value that a user gave and that is not the one that the file `path` records."""
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
