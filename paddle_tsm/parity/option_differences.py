"""The options in which two checkpoints' networks differ, and where each value comes from.

Two networks with different options differ in every stage behind the first shift, whatever their weights are. So the
report says the options before it names a layer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from paddle_tsm.layouts.description import describe
from paddle_tsm.layouts.network_file import NetworkFile

# without a shift they mean nothing
SHIFT_OPTIONS = ("shift_div", "shift_place", "shift_every", "shift_order", "shift_segments")
NOT_COMPARED = ("num_classes", "dropout")  # the first is a shape; the second is off in every comparison


@dataclass(frozen=True)
class OptionDifference:
    """One option and its values `a` and `b` in the two networks. a_from, b_from: where the values come from, such as
    "recorded" or "assumed".
    """

    name: str
    a: object
    a_from: str
    b: object
    b_from: str

    def __str__(self) -> str:
        return f"A: {self.name} {self.a}, {self.a_from}; B: {self.b}, {self.b_from}"


def option_differences(a: NetworkFile, b: NetworkFile, given: dict | None = None) -> list[OptionDifference]:
    """The options in which the two files' networks differ. given: the options that the caller named, for both files."""
    values_a, values_b, given = option_values(a), option_values(b), given or {}
    ignored = () if values_a["is_shift"] or values_b["is_shift"] else SHIFT_OPTIONS
    return [
        OptionDifference(
            name, values_a.get(name), origin_of(a, name, given), values_b.get(name), origin_of(b, name, given)
        )
        for name in dict.fromkeys([*values_a, *values_b])
        if values_a.get(name) != values_b.get(name) and name not in ignored
    ]


def option_values(found: NetworkFile) -> dict[str, Any]:
    """Option -> value of the file's own network. Each option of its non-local blocks has an entry, "non_local mode"."""
    network = found.network
    values = {name: value for name, value in network.options().items() if name not in NOT_COMPARED}
    values |= {"shift_every": network.every, "non_local": "yes" if network.non_local else "none"}
    if network.non_local:
        values |= {f"non_local {name}": value for name, value in asdict(network.non_local).items()}
    return values


def origin_of(found: NetworkFile, name: str, given: dict | None = None) -> str:
    """Where an option's value comes from: "given", "recorded", "read off the keys", "assumed", or what the layout's
    system runs ("what mit runs").
    """
    given = {
        key: value
        for key, value in (given or {}).items()
        if value is not None and value == getattr(found.network, key, None)
    }
    description = describe(found, given)
    if name in description["read"] or name.split()[0] in description["read"] and name not in description["assumed"]:
        return "read off the keys"
    why = description["assumed"].get(name, {}).get("why")
    if why is None:
        return "recorded" if name.split()[0] in found.record.options else "assumed"
    if why == "given" or why.startswith("what ") or " shifts " in why:
        return why
    return "recorded" if why.startswith("recorded") else "assumed"
