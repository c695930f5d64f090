"""Two networks of different shift orders, brought to one for the comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from paddle_tsm.layouts.key_table import is_step_counter
from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.networks.shift_order import exchange_folds
from paddle_tsm.parity.option_differences import origin_of

OTHER_ORDER = {"future_first": "past_first", "past_first": "future_first"}


def in_one_order(a: NetworkFile, b: NetworkFile) -> tuple[NetworkFile, list[str]]:
    """B as a network of A's shift order, and what the report says about the two orders, a sentence each.

    A past-first network is a future-first one with two folds of channels exchanged, and the exchange is exact. A
    causal network is a different network and stays as it is; so does one whose folds cannot be exchanged.
    """
    if not (a.network.is_shift and b.network.is_shift):
        return b, []
    asked, own = [found.asked_order for found in (a, b)], [found.network.shift_order for found in (a, b)]
    if asked.count("causal") == 1:
        online, other = ("A", "B") if asked[0] == "causal" else ("B", "A")
        return b, [
            f"{online} is a causal network, which sees no later frame, {other} a bidirectional one: they are two "
            "networks, and the one is trained, not converted, into the other."
        ]
    if own[0] == own[1] and asked[0] == asked[1]:
        return b, []
    exchanged = replace(b, asked_order=asked[0])
    try:
        exchanged.as_asked()
    except ValueError as error:
        return b, [f"A runs {asked[0]}, B {asked[1]}, and they cannot be brought to one order: {error}."]
    return exchanged, [
        f"A's channels are in {own[0]} order, B's in {own[1]}: two folds of every residual stream were exchanged, "
        f"which is exact, and both are compared in {asked[0]} order."
    ]


def hint_of_other_order(a: NetworkFile, b: NetworkFile, given: dict | None = None) -> str | None:
    """A sentence where B's weights are A's in the other shift order, although neither file says so; else None.

    This is what a past-first network looks like when its record was lost. a, b: as `in_one_order` left them. given:
    the options that the caller named.
    """
    (network, tensors_a), (_, tensors_b) = a.as_asked(), b.as_asked()
    if not network.is_shift or network.shift_order not in OTHER_ORDER or network.shift_order != b.asked_order:
        return None
    try:
        exchanged = exchange_folds(network, tensors_b)
    except ValueError:
        return None
    if not same_weights(tensors_a, exchanged):
        return None
    hint = "B's weights are A's with two folds of channels exchanged: one of the files holds the other shift order."
    for name, found in (("B", b), ("A", a)):
        if origin_of(found, "shift_order", given) == "assumed":
            order = OTHER_ORDER[found.network.shift_order]
            return f"{hint} {name}'s order is assumed; --shift-order {order} reads it in the other one."
    return hint


def same_weights(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    """Whether both hold the same values under the same names. Step counters, which not every layout has, do not
    count.
    """
    a, b = ({name: array for name, array in tensors.items() if not is_step_counter(name)} for tensors in (a, b))
    return a.keys() == b.keys() and not changed_tensors(a, b)


def changed_tensors(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> list[str]:
    """Names of A's tensors that B does not hold with the same values, in A's order."""
    return [
        name
        for name in a
        if name not in b or not np.array_equal(a[name].astype("float64"), b[name].astype("float64"), equal_nan=True)
    ]
