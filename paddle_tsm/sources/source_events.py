"""What reads a source says while it does so, and asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class SourceEvents:
    """tell: is called with a sentence about what happens to the source. heard: is called when something came that is no
    frame yet. stopped: whether to end at the next opportunity.
    """

    tell: Callable[[str], None]
    heard: Callable[[], None]
    stopped: Callable[[], bool]
