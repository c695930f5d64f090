"""The options in which two checkpoints' networks differ, and where each value comes from; both brought to one shift
order.

Two networks with other options differ in every stage behind the first shift, whatever their weights are, so that the
options have to be said before a layer is named.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from paddle_tsm.layouts.description import describe
from paddle_tsm.layouts.key_table import is_step_counter
from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.networks.shift_order import exchange_folds

OTHER_ORDER = {"future_first": "past_first", "past_first": "future_first"}
SHIFT = ("shift_div", "shift_place", "shift_every", "shift_order")  # of no meaning in a network without a shift
NOT_COMPARED = ("num_classes", "dropout")  # the first is a shape; the second is off in every comparison


@dataclass(frozen=True)
class OptionDifference:
    """`a`, `b`: the option's values in the two networks. a_from, b_from: where they come from ("recorded", "assumed")."""

    name: str
    a: object
    a_from: str
    b: object
    b_from: str

    def __str__(self) -> str:
        return f"A: {self.name} {self.a}, {self.a_from}; B: {self.b}, {self.b_from}"


def option_differences(a: NetworkFile, b: NetworkFile, given: dict | None = None) -> list[OptionDifference]:
    """The options in which the files' own networks differ. given: options that the caller named, for both files."""
    ours, theirs = values_of(a), values_of(b)
    unshifted = not (ours["is_shift"] or theirs["is_shift"])
    return [
        OptionDifference(
            name, ours.get(name), origin(a, name, given or {}), theirs.get(name), origin(b, name, given or {})
        )
        for name in dict.fromkeys([*ours, *theirs])
        if ours.get(name) != theirs.get(name) and not (unshifted and name in SHIFT)
    ]


def values_of(found: NetworkFile) -> dict:
    """Option -> value of the file's own network, those of its non-local blocks one by one."""
    network = found.network
    values = {name: value for name, value in network.options().items() if name not in NOT_COMPARED}
    values |= {"shift_every": network.every, "non_local": "yes" if network.non_local else "none"}
    if network.non_local:
        values |= {f"non_local {name}": value for name, value in asdict(network.non_local).items()}
    return values


def origin(found: NetworkFile, name: str, given: dict) -> str:
    """Where an option's value comes from: "given", "recorded", "read off the keys", "assumed", or what its system runs."""
    given = {
        key: value for key, value in given.items() if value is not None and value == getattr(found.network, key, None)
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


def in_one_order(a: NetworkFile, b: NetworkFile) -> tuple[NetworkFile, list[str]]:
    """B as a network of A's shift order, and what has to be said of the two orders, a sentence each.

    Past-first and future-first networks are one network with two folds of channels exchanged, which is exact. The
    causal network is another one, and stays as it is; so does one whose folds cannot be exchanged.
    """
    if not (a.network.is_shift and b.network.is_shift):
        return b, []
    asked, own = [found.asked_order for found in (a, b)], [found.network.shift_order for found in (a, b)]
    if asked.count("causal") == 1:
        online, other = ("A", "B") if asked[0] == "causal" else ("B", "A")
        return b, [
            f"{online} is a causal network, which sees no later frame, {other} a bidirectional one: they are two networks, "
            "and the one is trained, not converted, into the other."
        ]
    if own[0] == own[1] and asked[0] == asked[1]:
        return b, []
    turned = replace(b, asked_order=asked[0])
    try:
        turned.asked_network()
    except ValueError as error:
        return b, [f"A runs {asked[0]}, B {asked[1]}, and they cannot be brought to one order: {error}."]
    return turned, [
        f"A's channels are in {own[0]} order, B's in {own[1]}: two folds of every residual stream were exchanged, which is "
        f"exact, and both are compared in {asked[0]} order."
    ]


def remaining(differences: list[OptionDifference], a: NetworkFile, b: NetworkFile) -> list[OptionDifference]:
    """Those that make the networks differ, when B has been brought to A's order."""
    same_order = a.asked_order == b.asked_order
    return [one for one in differences if not (one.name == "shift_order" and same_order)]


def unsaid_order(a: NetworkFile, b: NetworkFile, given: dict | None = None) -> str | None:
    """A sentence where B's weights are A's in the other shift order, although neither file says so; else None.

    That is what a past-first network becomes whose record was lost. a, b: in one order.
    """
    (network, ours), (_, theirs) = a.as_asked(), b.as_asked()
    if not network.is_shift or network.shift_order not in OTHER_ORDER or network.shift_order != b.asked_order:
        return None
    try:
        exchanged = exchange_folds(network, theirs)
    except ValueError:
        return None
    if not same_weights(ours, exchanged):
        return None
    told = "B's weights are A's with two folds of channels exchanged: one of the files holds the other shift order."
    for name, found in (("B", b), ("A", a)):
        if origin(found, "shift_order", given or {}) == "assumed":
            order = OTHER_ORDER[found.network.shift_order]
            return f"{told} {name}'s order is assumed; --shift-order {order} reads it in the other one."
    return told


def same_weights(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    """Whether both hold the same values under the same names, step counters aside, which not every layout has."""
    a, b = ({name: array for name, array in tensors.items() if not is_step_counter(name)} for tensors in (a, b))
    return a.keys() == b.keys() and not changed_tensors(a, b)


def changed_tensors(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> list[str]:
    """Names of A's tensors that B does not hold with the same values, in A's order."""
    return [
        name
        for name in a
        if name not in b or not np.array_equal(a[name].astype("float64"), b[name].astype("float64"), equal_nan=True)
    ]
