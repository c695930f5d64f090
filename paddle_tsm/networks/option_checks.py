"""Checks of option values, each with an error that says what was wanted."""


def must_be_one_of(name: str, value, known) -> None:
    """Raise ValueError, listing the known values, unless `value` is one of `known`."""
    if not any(value is one or type(value) is type(one) and value == one for one in known):
        raise ValueError(f"{name}: got {value!r}, wanted one of {', '.join(map(repr, known))}")


def must_be_whole(name: str, value, least: int) -> None:
    """Raise ValueError unless `value` is an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: got {value!r}, wanted a whole number of at least {least}")
