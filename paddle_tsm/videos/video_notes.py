"""What is wrong with videos that can be read all the same."""

from __future__ import annotations


class VideoNotes:
    """Collects a problem for each video of a run. Several threads may add at once."""

    def __init__(self) -> None:
        self._problems: dict[str, str] = {}  # path -> problem

    def add(self, path: str, problem: str) -> None:
        """Note the problem of the video, unless it has one already. "" is no problem."""
        if problem:
            self._problems.setdefault(path, problem)

    def problem_of(self, path: str) -> str:
        """The problem of the video, "" where none was noted."""
        return self._problems.get(path, "")

    def __len__(self) -> int:
        return len(self._problems)

    def report(self) -> str:
        """One line: how many videos have a problem, and the first three with theirs; "" where none has."""
        if not self._problems:
            return ""
        first = "; ".join(f"{path}: {problem}" for path, problem in list(self._problems.items())[:3])
        if len(self) == 1:
            return first
        return f"{len(self)} videos do not hold what they say; {'the first: ' if len(self) > 3 else ''}{first}"
