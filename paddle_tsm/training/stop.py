"""Ctrl-C and SIGTERM as a request: the update that runs is finished, everything saved, and the training ends."""

from __future__ import annotations

import contextlib
import signal


class StopRequest:
    """`signal`: which one came, or None. Ctrl-C then ends the program at once; SIGTERM does not, as Paddle's launcher sends
    it twice within a second."""

    def __init__(self):
        self.signal: int | None = None

    def receive(self, number: int, frame) -> None:
        if self.signal is None:
            self.signal = number
        elif number == signal.SIGINT:
            raise KeyboardInterrupt


@contextlib.contextmanager
def stop_request():
    """Yield a StopRequest that the two signals go to inside the block. Elsewhere than in the main thread, where Python
    takes no handlers, nothing is changed."""
    request, before = StopRequest(), {}
    with contextlib.suppress(ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, request.receive)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
