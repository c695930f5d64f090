"""Ctrl-C and SIGTERM as requests to stop.

The update or the frame that is being worked on is finished, everything is saved, and the program ends.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

Handler = Callable[[int, FrameType | None], None]


class StopRequest:
    """The first signal that came, in `signal`; None before it.

    A second Ctrl-C ends the program at once. A second SIGTERM does not, because Paddle's launcher sends two within a
    second.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.signal is None:
            self.signal = number
        elif number == signal.SIGINT:
            raise KeyboardInterrupt


@contextlib.contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Yield a StopRequest that receives Ctrl-C and SIGTERM inside the block."""
    request = StopRequest()
    before = handle([signal.SIGINT, signal.SIGTERM], request.receive)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class FinishRequest:
    """The first signal that came, in `signal`; None before it. No further signal interrupts what runs."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        self.signal = self.signal or number


@contextlib.contextmanager
def finish_request() -> Iterator[FinishRequest]:
    """Yield a FinishRequest that receives Ctrl-C, SIGTERM and SIGHUP (a terminal was closed) inside the block.

    It is for work in short steps whose end must be written, such as a recording. After a signal the others are ignored,
    also while the program ends. A signal that was ignored before stays so: SIGHUP under nohup, Ctrl-C in a background
    job of a shell.
    """
    request = FinishRequest()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]
    before = handle([number for number in numbers if signal.getsignal(number) != signal.SIG_IGN], request.receive)
    try:
        yield request
    finally:
        for number, handler in before.items():
            # Python restores the default handlers while it ends, and a signal would then kill it, but it leaves a
            # signal that is ignored
            signal.signal(number, handler if request.signal is None else signal.SIG_IGN)


def handle(numbers: list[int], receive: Handler) -> dict:
    """Set `receive` as the handler of these signals, and return the handlers that they had. Outside the main thread
    nothing is set, because Python takes handlers there only.
    """
    before = {}
    with contextlib.suppress(ValueError):
        for number in numbers:
            before[number] = signal.signal(number, receive)
    return before
