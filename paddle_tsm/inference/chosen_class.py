"""The class that a user names."""

from __future__ import annotations

from difflib import get_close_matches

NEAREST = 3  # names that an error suggests


def class_number(wanted: int | str, names: list[str]) -> int:
    """The number of the class that is called `wanted` or has this number. A name comes before a number.

    Raises ValueError, which names the nearest names, for any other.
    """
    if wanted in names:
        return names.index(str(wanted))
    text = str(wanted)
    if text.isascii() and text.isdigit() and int(text) < len(names):
        return int(text)
    nearest = ", ".join(get_close_matches(text, names, NEAREST, cutoff=0.0))
    raise ValueError(f"class: got {text!r}, wanted 0 to {len(names) - 1} or a name; the nearest: {nearest}")
