"""The time that each part of a comparison takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class PartTimer:
    """Writes the seconds of each part into `seconds`, and calls `progress` with its name when it begins."""

    def __init__(self, seconds: dict[str, float], progress: Callable[[str], None]):
        self.seconds, self.progress = seconds, progress

    def time(self, part: str, work: Callable[[], Result]) -> Result:
        """Do the work of one part and return what it returns."""
        self.progress(part)
        start = time.perf_counter()
        result = work()
        self.seconds[part] = time.perf_counter() - start
        return result
