"""A list in a sentence: its first members, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence


def first_few(members: Sequence[object], count: int, separator: str = ", ") -> str:
    """The first `count` members in one text.

    >>> first_few(["conv1", "bn1", "conv2"], 2)
    'conv1, bn1 and 1 more'
    """
    more = f" and {len(members) - count} more" if len(members) > count else ""
    return separator.join(map(str, members[:count])) + more
