"""The frames of several sources, each as soon as it is there, so that a slow source does not hold up the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator

from paddle_tsm.sources.frame_feed import FrameFeed
from paddle_tsm.sources.source_patience import Patience
from paddle_tsm.sources.video_sources import FILE, VideoSource
from paddle_tsm.videos.decoded_frame import DecodedFrame

LOOK = 0.1  # seconds between two looks at silent sources and at a request to stop


def feeds_in_turn(
    sources: list[VideoSource],
    patience: Patience,
    at_once: int,
    live: bool | None,
    may_wait: int,
    tell: Callable[[VideoSource, str], None],
    stopped: Callable[[], bool],
) -> Generator[tuple[FrameFeed, DecodedFrame | None], None, None]:
    """(feed, its next frame), of one source after the other in turn, and (feed, None) once at the end of each.

    at_once: how many files are read at once; every other kind of source is read from the beginning. live, may_wait: see
    `FrameFeed`. tell: is called with a source and a sentence about it. stopped: whether to end before the sources do;
    (feed, None) then comes for each that was begun.
    """
    arrived = threading.Condition()
    waiting = [FrameFeed(source, patience, live, may_wait, arrived) for source in sources]
    running: list[FrameFeed] = []
    try:
        while (waiting or running) and not stopped():
            for feed in [one for one in waiting if one.source.kind != FILE] or waiting[:1]:
                if feed.source.kind != FILE or sum(one.source.kind == FILE for one in running) < at_once:
                    waiting.remove(feed)
                    running.append(feed)
                    feed.start()
            with arrived:
                arrived.wait_for(lambda: any(one.ready for one in running), LOOK)
            for feed in list(running):
                frame = feed.take()
                feed.watch()
                while feed.remarks:
                    tell(feed.source, feed.remarks.popleft())
                if frame is not None:
                    yield feed, frame
                elif feed.over:
                    running.remove(feed)
                    feed.stop()
                    yield feed, None
        for feed in running:
            yield feed, None
    finally:
        for feed in running:
            feed.stop()
