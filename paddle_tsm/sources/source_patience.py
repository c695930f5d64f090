"""How long a source may keep silent, and how often a lost connection is made again."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_PAUSE = 8.0  # seconds


@dataclass(frozen=True)
class Patience:
    """notice: seconds without a frame after which that is said. timeout: seconds without anything after which a source
    is given up, or a connection is made again. tries: how often in a row that is tried.
    """

    notice: float = 2.0
    timeout: float = 15.0
    tries: int = 3

    @property
    def in_vain(self) -> str:
        """What is said behind the reason once all tries have failed."""
        if self.tries == 0:
            return ""
        return "; 1 more try was in vain" if self.tries == 1 else f"; {self.tries} more tries were in vain"

    def pause(self, tried: int) -> float:
        """The seconds to wait after so many tries in vain: 1, 2, 4, ..."""
        return min(2.0 ** (tried - 1), LONGEST_PAUSE)
