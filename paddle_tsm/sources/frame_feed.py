"""The frames of one source, decoded by a thread of its own, so that nobody waits for a source that is silent."""

from __future__ import annotations

import threading
import time
from collections import deque

from paddle_tsm.sources.source_decoder import SourceDecoder
from paddle_tsm.sources.source_events import SourceEvents
from paddle_tsm.sources.source_patience import Patience
from paddle_tsm.sources.video_sources import FILE, VideoSource
from paddle_tsm.videos.decoded_frame import DecodedFrame

AHEAD = 8  # frames that are decoded before they are taken
SPARE = 10.0  # seconds for a decoder to give up by itself, beyond the timeout


class FrameFeed:
    """The frames of `source`: `start()`, then `take()` again and again until `over`, then `stop()`.

    live: whether frames that are not taken in time are dropped; None: for a camera, and for an address without an end.
    may_wait: how many frames of a live source may wait, before a newer one replaces the oldest. arrived: is notified
    whenever there is something new.

    late: how many frames were dropped. problem: why the source ended too early; "" where it did not. remarks: sentences
    about the source, oldest first; who has told one removes it.
    """

    def __init__(
        self,
        source: VideoSource,
        patience: Patience,
        live: bool | None,
        may_wait: int,
        arrived: threading.Condition,
    ):
        self.source, self.late, self.problem = source, 0, ""
        self.remarks: deque[str] = deque()
        self._patience, self._live, self._may_wait, self._arrived = patience, live, may_wait, arrived
        self._frames: deque[DecodedFrame] = deque()
        self._ended = self._stopped = self._silent = False
        # when something came, and when the decoder did something, by the monotonic clock
        self._heard = self._alive = 0.0
        self._decoder = SourceDecoder(source, patience, SourceEvents(self._tell, self._hear, lambda: self._stopped))
        self._thread = threading.Thread(target=self._run, name=f"feed {source.shown}", daemon=True)

    @property
    def over(self) -> bool:
        """Whether no frame comes any more."""
        return self._ended and not self._frames

    @property
    def ready(self) -> bool:
        """Whether there is something to look at: a frame, a remark or the end."""
        return bool(self._frames or self.remarks) or self._ended

    @property
    def damaged(self) -> int:
        """How many frames or packets were damaged."""
        return self._decoder.damaged

    @property
    def rate(self) -> float:
        """Frames a second; 30 where the source has no rate that makes sense."""
        return self._decoder.rate

    def start(self) -> None:
        """Begin to decode."""
        self._hear()
        self._thread.start()

    def take(self) -> DecodedFrame | None:
        """The next frame; None where there is none now."""
        with self._arrived:
            if not self._frames:
                return None
            self._arrived.notify_all()
            return self._frames.popleft()

    def stop(self) -> None:
        """End the thread, as soon as it can."""
        with self._arrived:
            self._stopped = self._ended = True
            self._frames.clear()
            self._arrived.notify_all()
        self._thread.join(1.0)

    def watch(self) -> None:
        """Note that the source is silent, and give it up where its decoder does not."""
        with self._arrived:
            if self._ended or self._frames:
                return
            silent = time.monotonic() - self._heard
            waits = self.source.kind != FILE  # a file is slow where the machine is busy
            if waits and silent >= self._patience.notice and not self._silent:
                self._silent = True
                self.remarks.append(f"no frame for {self._patience.notice:g} s; waits")
            if time.monotonic() - self._alive > self._patience.timeout + SPARE:
                self._stopped = True
                self._fail(f"no frame for {silent:.1f} s; it is given up")

    def _run(self) -> None:
        try:
            for frame in self._decoder.frames():
                self._put(frame)
        except Exception as error:  # whatever ends a thread would else be lost: it is the source's problem
            self._fail(str(error) or repr(error))
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()

    def _put(self, frame: DecodedFrame) -> None:
        live = self._decoder.live if self._live is None else self._live
        with self._arrived:
            now = time.monotonic()
            if self._silent:
                self.remarks.append(f"goes on after {now - self._heard:.1f} s")
                self._silent = False
            if live and len(self._frames) >= self._may_wait:
                self._frames.popleft()
                self.late += 1
            while not live and len(self._frames) >= AHEAD and not self._stopped:
                self._arrived.wait(0.5)
            self._hear()
            if not self._stopped:
                self._frames.append(frame)
            self._arrived.notify_all()

    def _hear(self) -> None:
        self._heard = self._alive = time.monotonic()

    def _tell(self, text: str) -> None:
        with self._arrived:
            self._alive = time.monotonic()
            self.remarks.append(text)
            self._arrived.notify_all()

    def _fail(self, text: str) -> None:
        with self._arrived:
            self.problem = text if self.source.shown in text else f"{self.source.shown}: {text}"
            self._ended = True
            self._arrived.notify_all()
