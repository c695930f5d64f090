"""What `paddle-tsm stream` prints and writes of one of its sources."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable

import cv2
import numpy as np

from paddle_tsm.commands.source_remarks import SourceRemarks
from paddle_tsm.inference.frame_labeller import FrameLabeller
from paddle_tsm.inference.labelled_video import labelled_video
from paddle_tsm.sources.frame_feed import FrameFeed
from paddle_tsm.sources.video_sources import VideoSource
from paddle_tsm.terminal.literal_text import literal
from paddle_tsm.terminal.live_line import LiveLine
from paddle_tsm.videos.decoded_frame import DecodedFrame


class StreamedSource:
    """One source, its labels and its copy. several: whether each line names the source."""

    def __init__(
        self, source: VideoSource, labeller: FrameLabeller, args: argparse.Namespace, several: bool, line: LiveLine
    ):
        self.source, self.labeller = source, labeller
        self._args, self._line, self._prefix = args, line, f"{source.shown}: " if several else ""
        self._label, self._text, self._next, self._written = -1, "", 0, 0
        self._stack = contextlib.ExitStack()
        self._write: Callable[[np.ndarray, list[str]], None] | None = None
        self._size: tuple[int, int] = (0, 0)

    def label(self, frame: DecodedFrame, rate: float) -> bool:
        """Label one frame. Returns whether there is need of another one."""
        if self._args.frames is not None and frame.number >= self._args.frames:
            return False
        picture = frame.rgb()
        if frame.number >= self._next:
            self._next = frame.number - frame.number % self._args.every + self._args.every
            best, self._text, probability = self.labeller(picture)
            if best != self._label:
                self._label = best
                self._print(frame, probability)
            speed = self.labeller.frames / self.labeller.seconds
            self._line.update(f"{self._prefix}{self._text}  {speed:.1f} frames/s  Ctrl-C ends")
        if self._args.out:
            self._record(picture, rate)
        return True

    def _print(self, frame: DecodedFrame, probability: float) -> None:
        if not self._args.json:
            self._line.print(f"{self._prefix}{float(frame.time):8.2f} s  frame {frame.number:6d}  {self._text}")
            return
        found = {
            "video": self.source.shown,
            "time": round(float(frame.time), 3),
            "frame": frame.number,
            "class": self._label,
            "name": self.labeller.names[self._label],
            "probability": probability,
        }
        self._line.print(json.dumps(found))

    def _record(self, picture: np.ndarray, rate: float) -> None:
        """Write the frame with its label, in the size of the first one."""
        if self._write is None:
            self._size = picture.shape[1::-1]
            self._write = self._stack.enter_context(labelled_video(self._args.out, rate, self.source.path))
        if picture.shape[1::-1] != self._size:
            picture = cv2.resize(picture, self._size)
        self._write(picture, [self._text])
        self._written += 1

    def end(self, feed: FrameFeed, remarks: SourceRemarks, stopped: bool) -> None:
        """Complete the copy, and print the summary. stopped: a signal came before the end."""
        self._stack.close()
        frames = self.labeller.frames
        if feed.problem:
            remarks.fail(feed.problem)
        elif not frames and not stopped:
            remarks.fail(f"{self.source.shown}: no frame could be read")
        if not frames:
            return
        self._line.clear()
        words = [f"{frames} frames, {frames / self.labeller.seconds:.1f} frames/s"]
        words += [f"{feed.late} came too fast and were dropped"] if feed.late else []
        words += [f"{feed.damaged} damaged"] if feed.damaged else []
        place = sys.stderr if self._args.json else sys.stdout
        print(literal(self._prefix + ", ".join(words)), file=place, flush=True)
        if self._args.out:
            print(literal(f"{self._args.out}: {self._written} frames"), file=place, flush=True)

    def close(self) -> None:
        """Give up the copy that is not complete."""
        if sys.exc_info()[0] is not None:
            self._stack.__exit__(*sys.exc_info())
