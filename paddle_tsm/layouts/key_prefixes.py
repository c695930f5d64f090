"""The prefixes that programs put before a system's keys: torch.compile, data parallelism, averaging, Lightning.

Sources: torch._dynamo `OptimizedModule` (`_orig_mod`), torch.nn.DataParallel and DistributedDataParallel (`module`),
torch.distributed.fsdp (`_fsdp_wrapped_module`), paddle.DataParallel (`_layers`), torch.optim.swa_utils.AveragedModel
(`module`, `n_averaged`), mmengine BaseAveragedModel (`module`, `steps`), Lightning (the attribute that holds the
network, usually `model`; Fabric: `_forward_module`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from paddle_tsm.layouts.key_edits import KeyEdits
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.recognise import find_layout
from paddle_tsm.layouts.registry import LAYOUTS, layout_named

# Modules that only wrap another module, wherever in a name. No system has a layer of such a name, but MIT's own names
# begin with "module".
ANYWHERE = re.compile(r"(?<![^.])(_orig_mod|_layers|_fsdp_wrapped_module|_forward_module)\.|(?<=\.)(module)\.")
# Numbers beside the network: how many networks were averaged.
AVERAGE_COUNTERS = ("steps", "n_averaged")


@dataclass(frozen=True)
class NamedKeys:
    """A file's keys under the names of its layout.

    keys: name in the layout -> key in the file. stripped: the prefixes that the keys had, such as ("module.",
    "_orig_mod."); () where they had none. aside: the keys of numbers that are not tensors of the network. edits: the
    changes that a user asked for, and edit_notes, a sentence for each.
    """

    layout: Layout
    keys: dict[str, str]
    stripped: tuple[str, ...]
    aside: tuple[str, ...]
    edits: KeyEdits = KeyEdits()
    edit_notes: tuple[str, ...] = ()

    def notes(self) -> list[str]:
        """A sentence for each thing that was done to the keys, for the user."""
        lines = list(self.edit_notes)
        if self.stripped:
            lines.append(f"{' and '.join(self.stripped)} stripped from the keys")
        if self.aside:
            lines.append(
                f"{' and '.join(self.aside)} left out: it counts averaged networks and is no tensor of the network"
            )
        return lines


def name_keys(tensors: dict[str, np.ndarray], layout: str = "auto", edits: KeyEdits = KeyEdits()) -> NamedKeys:
    """The keys of `tensors` without the prefixes of other programs. layout: "auto", or the name of a layout. edits:
    what is changed first.

    The segments that all keys begin with are stripped one by one, until the keys look like the layout, or, for "auto",
    like any layout. Names get what a layout has in front of every key where they lack it. Raises ValueError where the
    keys look like no layout, where two of them become the same name, or where a change concerns no key.
    """
    edited = edits.apply(tensors)
    aside = tuple(key for key in edited if key in AVERAGE_COUNTERS and tensors[key].ndim == 0)
    keys = [key for key in edited if key not in aside]
    if not keys:
        raise ValueError(f"--ignore {' '.join(edits.ignore)} (ignore=) leaves no tensor of {len(tensors)}")
    names = [edited[key] for key in keys]
    inner = [ANYWHERE.sub("", name) for name in names]
    stripped = dict.fromkeys(f"{a or b}." for name in names for a, b in ANYWHERE.findall(name))
    front = shared_front(inner)
    for count in range(len(front) + 1):
        bare = [name.split(".", count)[count] for name in inner]
        names = with_front(bare)
        found = recognised(names, layout)
        if found is not None:
            stripped |= dict.fromkeys(f"{segment}." for segment in front[:count])
            if names is not bare:
                stripped.pop(found.front, None)  # it is the layout's own
                gone = (old.partition(".")[0] for old, new in zip(bare, names) if not new.endswith(old))
                stripped |= dict.fromkeys(f"{number}." for number in gone)
            found_names = unique_names(names, keys)
            return NamedKeys(found, found_names, tuple(stripped), aside, edits, tuple(edits.notes(tensors)))
    names = with_front(inner)
    if layout == "auto":
        raise ValueError(f"{unrecognised(names)}{advice_on_other_names(inner)}")
    found_names = unique_names(names, keys)
    return NamedKeys(layout_named(layout), found_names, tuple(stripped), aside, edits, tuple(edits.notes(tensors)))


def shared_front(names: list[str]) -> list[str]:
    """The segments that all dotted names begin with. The last segment of a name, the tensor's own, never counts."""
    parts = [name.split(".")[:-1] for name in names]
    front = []
    for segments in zip(*parts):
        if len(set(segments)) > 1:
            break
        front.append(segments[0])
    return front


def with_front(names: list[str]) -> list[str]:
    """The names with what a layout has in front of every key, or with its modules' names in the place of their numbers,
    if all of them are then names of that layout; else the names themselves.
    """
    for layout in LAYOUTS.values():
        for full in (with_its_front(layout, names), with_its_parts(layout, names)):
            if full and all(re.match(layout.signature, name) for name in full):
                return full
    return names


def with_its_front(layout: Layout, names: list[str]) -> list[str]:
    """The names with the layout's `front`; [] where it has none."""
    return [f"{layout.front}{name}" for name in names] if layout.front else []


def with_its_parts(layout: Layout, names: list[str]) -> list[str]:
    """The names with the layout's `parts` in the place of their numbers, the first segments; [] for other segments."""
    split = [name.partition(".") for name in names]
    numbers = {str(number): part for number, part in enumerate(layout.parts)}
    known = all(number in numbers for number, _, _ in split)
    return [f"{numbers[number]}.{rest}" for number, _, rest in split] if known else []


def recognised(names: list[str], layout: str) -> Layout | None:
    """The layout that the names look like; None where that is not the layout asked for, or where there is none."""
    if layout != "auto":
        asked = layout_named(layout)
        return asked if 2 * sum(bool(re.match(asked.signature, name)) for name in names) >= len(names) else None
    try:
        return find_layout(names)
    except ValueError:
        return None


def unrecognised(names: list[str]) -> str:
    """The error of `find_layout` for names that look like no layout."""
    try:
        find_layout(names)
    except ValueError as error:
        return str(error)
    raise AssertionError("the names were recognised")


def advice_on_other_names(names: list[str]) -> str:
    """What to do where most names begin with the same segment and the rest does not; else ""."""
    fronts = [name.partition(".")[0] for name in names if "." in name]
    most = max(dict.fromkeys(fronts), key=fronts.count, default="")
    others = [name for name in names if not name.startswith(f"{most}.")]
    if not most or not others or len(others) * 2 >= len(names):
        return ""
    return (
        f" {len(names) - len(others)} keys begin with {most}., but not {', '.join(others[:3])}: save the network alone"
    )


def unique_names(names: list[str], keys: list[str]) -> dict[str, str]:
    """name -> key. Raises ValueError where two keys become one name."""
    found: dict[str, str] = {}
    for name, key in zip(names, keys):
        if found.setdefault(name, key) != key:
            raise ValueError(
                f"{found[name]} and {key} are both {name} without their prefixes or with their new names; "
                "leave one of them out"
            )
    return found
