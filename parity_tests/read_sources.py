"""Sources read to their ends within a bounded time, for tests of what comes of them."""

from __future__ import annotations

import time

from paddle_tsm.sources.feeds_in_turn import feeds_in_turn
from paddle_tsm.sources.source_patience import Patience
from paddle_tsm.sources.video_sources import source_of

PATIENCE = Patience(notice=0.15, timeout=0.4, tries=2)


class Read:
    """What came of a source: its frames, its feed at the end, and what was told, in one string."""

    def __init__(self):
        self.frames, self.feed, self.told = [], None, ""


def read(*names, patience=PATIENCE, live=None, slow: float = 0.0, at_once: int = 4, seconds: float = 10) -> list[Read]:
    """What comes of each source, in less than so many seconds. slow: seconds that each frame takes."""
    sources = [source_of(str(name)) for name in names]
    found, began = {source: Read() for source in sources}, time.monotonic()

    def tell(source, text):
        found[source].told += f"{text}; "

    for feed, frame in feeds_in_turn(sources, patience, at_once, live, 2, tell, lambda: False):
        if frame is None:
            found[feed.source].feed = feed
        else:
            found[feed.source].frames.append(frame)
            time.sleep(slow)
    assert time.monotonic() - began < seconds
    return list(found.values())
