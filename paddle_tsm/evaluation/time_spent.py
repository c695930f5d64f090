"""Where the time of a run over a list of clips goes: into loading the network, waiting for clips, or running it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class TimeSpent:
    """The seconds of each part of a run, by the thread that runs the network. What is in no part is everything else.

    A processor that reads clips beside the network slows it down, so the network's share here is a little too large.
    """

    def __init__(self) -> None:
        self.loading = self.waiting = self.network = 0.0
        self._began = time.perf_counter()

    @contextlib.contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Count the block's time for `part`: "loading", "waiting" or "network"."""
        start = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, part, getattr(self, part) + time.perf_counter() - start)

    def waited_for(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and count how long each is waited for."""
        source = iter(items)
        while True:
            with self.on("waiting"):
                try:
                    item = next(source)
                except StopIteration:
                    return
            yield item

    def seconds(self) -> list[float]:
        """Those of all the run so far, of loading, of waiting and of the network; of several processes they can be
        summed.
        """
        return [time.perf_counter() - self._began, self.loading, self.waiting, self.network]


def shares_in_words(seconds: list[float]) -> str:
    """What `TimeSpent.seconds` gave, in percent."""
    total, loading, waiting, network = seconds
    loaded, waited, ran = (f"{100 * part / max(total, 1e-9):.0f} %" for part in (loading, waiting, network))
    return f"{ran} running the network, {waited} waiting for clips, {loaded} loading the network"
