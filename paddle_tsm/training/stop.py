"""Ctrl-C and SIGTERM as a request: the update or frame that runs is finished, everything saved, and the program ends."""

from __future__ import annotations

import contextlib
import signal


class StopRequest:
    """`signal`: which one came, or None. Ctrl-C then ends the program at once; SIGTERM does not, as Paddle's launcher
    sends it twice within a second.
    """

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


class FinishRequest:
    """`signal`: the first that came, or None. However many come, none interrupts what runs."""

    def __init__(self):
        self.signal: int | None = None

    def receive(self, number: int, frame) -> None:
        self.signal = self.signal or number


@contextlib.contextmanager
def finish_request():
    """Yield a FinishRequest for Ctrl-C, SIGTERM and a terminal that was closed: for work whose steps are short and
    whose end must be written, as a recording's. A second Ctrl-C changes nothing, not even while the program ends: after
    a signal the others are ignored. A signal that is ignored stays so, as SIGHUP under nohup and Ctrl-C in a shell's
    background jobs.
    """
    request, before = FinishRequest(), {}
    wanted = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    with contextlib.suppress(ValueError):  # not in the main thread, where Python takes handlers
        for number in wanted:
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, request.receive)
    try:
        yield request
    finally:
        for number, handler in before.items():
            # the interpreter puts the default handlers back while it ends, which would kill it; not where they are
            # ignored
            signal.signal(number, handler if request.signal is None else signal.SIG_IGN)
