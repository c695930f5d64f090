"""What `paddle-tsm predict --window` prints and writes of one of its sources."""

from __future__ import annotations

import argparse
import bisect
import csv
import io
import json
import os
import re
import time
from collections.abc import Iterable

from paddle_tsm.commands.source_remarks import SourceRemarks
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.inference.timeline import Span
from paddle_tsm.inference.window_classes import WindowClasses
from paddle_tsm.sources.frame_feed import FrameFeed
from paddle_tsm.sources.video_sources import CAMERA, PIPE, VideoSource
from paddle_tsm.terminal.live_line import LiveLine
from paddle_tsm.videos.decoded_frame import DecodedFrame

COLUMNS = ("start", "end", "class", "name", "probability")


class SourceTimeline:
    """One source and its spans. file_name: of its files, without an ending. picture: whether one of them is a
    picture. several: whether each line names the source.
    """

    def __init__(
        self,
        source: VideoSource,
        classes: WindowClasses,
        names: list[str],
        args: argparse.Namespace,
        file_name: str,
        picture: bool,
        several: bool,
        line: LiveLine,
    ):
        self.source, self.spans = source, list[Span]()
        self._classes, self._names, self._args, self._line = classes, names, args, line
        self._file_name, self._picture = file_name, picture
        self._prefix = f"{source.shown}: " if several else ""
        self._began = time.monotonic()

    def add(self, frame: DecodedFrame) -> None:
        """Take the next frame."""
        self._take(self._classes.add(frame))
        seconds = self._classes.seconds
        speed = seconds / max(time.monotonic() - self._began, 1e-3)
        self._line.update(f"{self._prefix}{seconds:.1f} s, {speed:.1f} times as fast as it plays  Ctrl-C ends")

    def end(self, feed: FrameFeed, remarks: SourceRemarks) -> None:
        """Print the last spans, and write the files."""
        self._take(self._classes.close())
        if feed.late:
            remarks.tell(self.source, f"{feed.late} frames came too fast and were dropped")
        if feed.damaged:
            remarks.tell(self.source, f"{feed.damaged} frames were damaged")
        if feed.problem:
            remarks.fail(feed.problem)
        elif not self.spans:
            remarks.fail(f"{self.source.shown}: no frame could be read")
        if self.spans and self._args.timeline:
            self._write(os.path.join(self._args.timeline, self._file_name))

    def lines_at(self, seconds: float) -> list[str]:
        """The class that is shown at this time, as it is written on a frame."""
        number = bisect.bisect_right(self.spans, seconds, key=lambda one: one.start) - 1
        one = self.spans[max(number, 0)]
        return [f"{self._names[one.label]}  {100 * one.probability:.1f} %"] if seconds < one.end else []

    def _take(self, spans: Iterable[Span]) -> None:
        for one in spans:
            self.spans.append(one)
            if self._args.json:
                row = dict(zip(COLUMNS, self._row(one)))
                self._line.print(json.dumps({"video": self.source.shown, **row}))
            else:
                name, share = self._names[one.label], 100 * one.probability
                self._line.print(f"{self._prefix}{one.start:9.2f} s {one.end:9.2f} s  {share:6.2f} %  {name}")

    def _row(self, one: Span) -> tuple:
        return round(one.start, 3), round(one.end, 3), one.label, self._names[one.label], one.probability

    def _write(self, place: str) -> None:
        """Write the table and the picture."""
        from paddle_tsm.drawing.timeline import timeline_picture

        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(self._row(one) for one in self.spans)
        with atomic_file(f"{place}.csv") as file:
            file.write(text.getvalue().encode())
        if not self._picture:
            return
        bars = [(one.start, one.end, self._names[one.label], one.probability) for one in self.spans]
        with atomic_file(f"{place}.png") as file:
            file.write(timeline_picture(self.source.shown, self._classes.seconds, bars))


def file_names(sources: list[VideoSource]) -> dict[VideoSource, str]:
    """A name for the files of each source, without an ending: its own, and a number behind one that is there twice."""
    names: dict[VideoSource, str] = {}
    for source in sources:
        if source.kind == PIPE:
            name = "stdin"
        elif source.kind == CAMERA:
            name = f"camera-{source.name}"
        else:
            last = source.shown.split("?")[0].rstrip("/").replace("\\", "/").rpartition("/")[2]
            name = re.sub(r"[^\w.() -]", "_", os.path.splitext(last)[0]).lstrip(".") or "video"
        number, free = 1, name
        while free in names.values():
            number += 1
            free = f"{name}-{number}"
        names[source] = free
    return names
