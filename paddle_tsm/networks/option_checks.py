"""Checks of option values. Each error says what was wanted."""

from collections.abc import Collection


def must_be_one_of(name: str, value: object, known: Collection[object]) -> None:
    """Raise ValueError, which lists the known values, unless `value` is one of `known`.

    A value of another type is another value: 1 is not True.
    """
    if not any(value is one or type(value) is type(one) and value == one for one in known):
        raise ValueError(f"{name}: got {value!r}, wanted one of {', '.join(map(repr, known))}")


def must_be_whole(name: str, value: object, least: int) -> None:
    """Raise ValueError unless `value` is an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: got {value!r}, wanted a whole number of at least {least}")


def must_be_probability(name: str, value: object) -> None:
    """Raise ValueError unless `value` is a number of at least 0 and below 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"{name}: got {value!r}, wanted a probability in [0, 1)")
