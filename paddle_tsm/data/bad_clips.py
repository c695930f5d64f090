"""Clips that cannot be read: named, and either an end or a count. Never another clip in their place."""

from __future__ import annotations

from paddle_tsm.data.annotations import Entry
from paddle_tsm.terminal.literal_text import literal


class BadClip(ValueError):
    """A clip that cannot be read. `where` is its list and line, `path` its file or folder."""

    def __init__(self, where: str, path: str, problem: str):
        super().__init__(where, path, problem)  # all of them, so that it survives the way out of a worker process
        self.where, self.path, self.problem = where, path, problem

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


def bad_clip(entry: Entry, error: Exception) -> BadClip:
    """`error`, met while reading `entry`. Its message names the file."""
    text = str(error)
    return BadClip(entry.where, entry.path, text if entry.path in text else f"{entry.path}: {text}")


class SkippedClips:
    """Counts the bad clips of a run that goes on without them; a clip that is met again counts once."""

    def __init__(self):
        self._seen: dict[tuple[str, str], BadClip] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def __iter__(self):
        return iter(self._seen.values())

    def add(self, bad: BadClip) -> bool:
        """Count `bad`. True where it is new and so worth a line in the log."""
        new = (bad.where, bad.path) not in self._seen
        self._seen.setdefault((bad.where, bad.path), bad)
        return new

    def report(self) -> str:
        """What is printed at the end: how many, and each one's name, line and problem."""
        if not self._seen:
            return "no clip was skipped"
        count = f"{len(self)} clip was" if len(self) == 1 else f"{len(self)} clips were"
        return "\n".join([f"{count} skipped:", *(f"  {literal(bad)}" for bad in self._seen.values())])
