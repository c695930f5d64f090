"""What commands say of their sources while they read them."""

from __future__ import annotations

from collections.abc import Callable

from paddle_tsm.commands.messages import print_note, print_problem
from paddle_tsm.sources.video_sources import VideoSource
from paddle_tsm.videos.video_check import check_video


class SourceRemarks:
    """Prints what happens to the sources of a command, and remembers whether one failed.

    strict: a video that does not hold what its container says counts as one that cannot be read. clear: takes away what
    stands on the last line of the terminal.
    """

    def __init__(self, command: str, strict: bool, clear: Callable[[], None]):
        self.failed = False
        self._command, self._strict, self._clear = command, strict, clear
        self._noted: set[VideoSource] = set()

    def checked(self, sources: list[VideoSource]) -> list[VideoSource]:
        """The sources without files that cannot be opened. What is wrong with a file is said here, once."""
        good = []
        for source in sources:
            try:
                notes = check_video(source.name, self._strict) if source.path is not None else None
            except (ValueError, OSError) as error:
                self.fail(str(error))
                continue
            good.append(source)
            if notes:
                self._noted.add(source)
                self._clear()
                print_note(notes.report())
        return good

    def tell(self, source: VideoSource, text: str) -> None:
        """Print a sentence about a source, unless it is a file of which all is said."""
        if source not in self._noted:
            self._clear()
            print_note(f"{source.shown}: {text}")

    def fail(self, problem: str) -> None:
        """Print why a source could not be read."""
        self.failed = True
        self._clear()
        print_problem(self._command, problem)
