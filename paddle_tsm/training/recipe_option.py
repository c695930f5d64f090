"""One option of a recipe, declared once: its default, its meaning, and the values that it may have."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from typing import Any

from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option_checks import must_be_one_of, must_be_whole


@dataclass(frozen=True)
class Values:
    """The values of an option. text: in words. check(name, value): raises ValueError for another value."""

    text: str
    check: Callable[[str, Any], None]


def one_of(*known: str) -> Values:
    """One of these texts."""
    return Values(", ".join(known), lambda name, value: must_be_one_of(name, value, known))


def whole(least: int, or_else: str = "") -> Values:
    """A whole number of at least `least`. or_else: "none", where None is a value, too."""

    def check(name: str, value: Any) -> None:
        if not (or_else and value is None):
            must_be_whole(name, value, least)

    return Values(f"{least} or more" + f", or {or_else}" * bool(or_else), check)


def whole_numbers(least: int) -> Values:
    """Whole numbers, each of at least `least`."""

    def check(name: str, values: Any) -> None:
        for value in values:
            must_be_whole(name, value, least)

    return Values(f"each {least} or more", check)


def number(
    below: float = math.inf, most: float = math.inf, wanted: str = "a number, 0 or more", or_else: str = ""
) -> Values:
    """A finite number of at least 0, below `below` and at most `most`. wanted: such a number, in words, for an error.
    or_else: what a user may also type.
    """

    def check(name: str, value: Any) -> None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (is_number and 0 <= value < below and value <= most):
            raise ValueError(f"{name}: got {value!r}, wanted {wanted}")

    text = f"0 to below {below:g}" if below < math.inf else f"0 to {most:g}" if most < math.inf else "0 or more"
    return Values(text + f", or {or_else}" * bool(or_else), check)


SWITCH = Values("true, false", lambda name, value: must_be_one_of(name, value, (True, False)))


def checked_elsewhere(text: str) -> Values:
    """Values, in words, that are checked where they are used."""
    return Values(text, lambda name, value: None)


def option(default: Any, meaning: str, values: Values) -> Any:
    """A dataclass field for an option of a recipe. meaning: a sentence."""
    return field(default=default, metadata={"meaning": meaning, "values": values})


def network_option(name: str, meaning: str = "") -> Any:
    """A dataclass field for an option of the network, with what `Network` says of it. `Network` checks its values.

    meaning: instead of Network's, where a recipe takes less than `create_model`.
    """
    (own,) = (one for one in fields(Network) if one.name == name)
    return option(own.default, meaning or own.metadata["meaning"], checked_elsewhere(own.metadata["values"]))


def offered(tables: dict[str, Collection[str]]) -> str:
    """The names that each preset offers, in words.

    tables: preset -> names. One that not all offer has theirs beside it.
    """
    parts = []
    for name in dict.fromkeys(name for table in tables.values() for name in table):
        those = [preset for preset, table in tables.items() if name in table]
        parts.append(name if len(those) == len(tables) else f"{name} ({', '.join(those)})")
    return ", ".join(parts)
