"""Clips that cannot be read. A run stops at one, or counts it and goes on; it never reads another clip in its place."""

from __future__ import annotations

from collections.abc import Iterator

from paddle_tsm.lists.annotations import Entry
from paddle_tsm.terminal.literal_text import literal


class BadClip(ValueError):
    """A clip that cannot be read.

    where: its list and line. path: its file or folder. problem: why it cannot be read, with the file's name.
    """

    def __init__(self, where: str, path: str, problem: str) -> None:
        super().__init__(where, path, problem)  # pickle makes an error again from these arguments
        self.where, self.path, self.problem = where, path, problem

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


def bad_clip(entry: Entry, error: Exception) -> BadClip:
    """The BadClip for an `error` that was raised while `entry` was read. Its problem names the file."""
    text = str(error)
    return BadClip(entry.where, entry.path, text if entry.path in text else f"{entry.path}: {text}")


class SkippedClips:
    """Counts the bad clips of a run that goes on without them. A clip that is met several times counts once."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], BadClip] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def __iter__(self) -> Iterator[BadClip]:
        return iter(self._seen.values())

    def add(self, bad: BadClip) -> bool:
        """Count `bad`. Returns whether it is met for the first time, so that a log names it once."""
        new = (bad.where, bad.path) not in self._seen
        self._seen.setdefault((bad.where, bad.path), bad)
        return new

    def report(self) -> str:
        """How many clips were skipped, and a line for each with its list, line and problem."""
        if not self._seen:
            return "no clip was skipped"
        count = f"{len(self)} clip was" if len(self) == 1 else f"{len(self)} clips were"
        return "\n".join([f"{count} skipped:", *(f"  {literal(bad)}" for bad in self._seen.values())])
