"""Every frame of a source in its order, with its time, decoded once: by PyAV, or by OpenCV where it is a camera."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from fractions import Fraction

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter

from paddle_tsm.runtime import processors
from paddle_tsm.sources.address_copy import NoFile
from paddle_tsm.sources.copied_source import as_file
from paddle_tsm.sources.pipe_reader import PipeReader
from paddle_tsm.sources.source_events import SourceEvents
from paddle_tsm.sources.source_patience import Patience
from paddle_tsm.sources.video_sources import CAMERA, PIPE, VideoSource
from paddle_tsm.videos.decoded_frame import Clock, DecodedFrame
from paddle_tsm.videos.open_video import check_file
from paddle_tsm.videos.packet_seek import NO_FRAME

USUAL_RATE = 30.0  # frames a second, where a source says nothing that makes sense
# FFmpeg reads five seconds of some containers before the first frame; half a second of a source that comes in its own
# time tells what the decoder needs
AT_ONCE = {"analyzeduration": "500000"}
# FFmpeg's formats without times, whose frames it numbers at 25 a second: live ones are shown when they come
UNTIMED = ("mpjpeg", "mjpeg", "h264", "hevc", "m4v")
STEADY = 60.0  # seconds after which a connection that breaks off counts as a good one
INDEX_AT_END = (
    "no video, or an MP4 whose index lies behind its frames; wanted such a file by its path, or one that was written "
    "with -movflags +faststart"
)


class SourceDecoder:
    """Decodes one source from its first frame to its last.

    live: whether the source goes on, whether or not its frames are taken. rate: frames a second. damaged: how many
    frames or packets were damaged. cut: whether the last packet was damaged.
    """

    def __init__(self, source: VideoSource, patience: Patience, events: SourceEvents):
        self.live, self.rate, self.damaged, self.cut = source.kind == CAMERA, USUAL_RATE, 0, False
        self._source, self._patience, self._events = source, patience, events
        self._number, self._hidden, self._time, self._began = 0, 0, Fraction(0), 0.0
        self._size: tuple[int, int] | None = None
        self._converter = VideoReformatter()

    def frames(self) -> Iterator[DecodedFrame]:
        """The frames. Raises ValueError where the source cannot be read, or not to its end, and says why."""
        with ExitStack() as stack:
            if self._source.kind == CAMERA:
                yield from self._of_camera(stack)
            elif self._source.kind == PIPE:
                yield from self._of_file(PipeReader(self._patience.timeout, self._events.stopped))
            else:
                try:
                    path = stack.enter_context(as_file(self._source, self._patience, self._events))
                except NoFile:
                    yield from self._of_address()
                    return
                check_file(path)
                yield from self._of_file(path)

    def _of_camera(self, stack: ExitStack) -> Iterator[DecodedFrame]:
        camera = cv2.VideoCapture(int(self._source.name))
        stack.callback(camera.release)
        if not camera.isOpened():
            raise ValueError("cannot be opened; wanted the number of one that is there")
        self.rate = sensible(camera.get(cv2.CAP_PROP_FPS))
        while not self._events.stopped():
            there, picture = camera.read()
            if not there:
                raise ValueError("gives no frame any more")
            yield self._frame(picture, self._elapsed())

    def _of_file(self, place: str | PipeReader) -> Iterator[DecodedFrame]:
        """The frames of a file or a pipe, and at its end how it differs from what its container says."""
        try:
            options = AT_ONCE if self._source.kind == PIPE else {}
            with av.open(place, metadata_errors="ignore", options=options) as container:
                yield from self._decoded(container)
                if not self._events.stopped() and (difference := self._difference(container)):
                    self._events.tell(difference)
        except av.FFmpegError as error:
            if self._source.kind == PIPE and self._number == 0:
                raise ValueError(INDEX_AT_END) from None
            raise ValueError(f"cannot be read: {said(error)}") from None

    def _of_address(self) -> Iterator[DecodedFrame]:
        """The frames of an address that is no file. Where the connection ends or breaks off, it is made again."""
        tried, ended_well = 0, False
        while not self._events.stopped():
            began, before = time.monotonic(), self._number
            try:
                with self._connected() as container:
                    self.live = container.duration is None
                    yield from self._decoded(container)
                if not self.live and not self.cut:
                    return
                ended, reason = not self.cut, "ended in the middle of a frame" if self.cut else "ended"
            except av.FFmpegError as error:
                ended, reason = self.live and getattr(error, "errno", None) == errno.EIO, self._said(error)
            if self._number == 0:
                raise ValueError(reason)
            if self._number > before:  # else this was a try that led to nothing
                ended_well = ended
                tried = 0 if time.monotonic() - began > STEADY and not ended else tried
            tried += 1
            if tried > self._patience.tries:
                reason += self._patience.in_vain
                if not ended_well:
                    raise ValueError(reason)
                self._events.tell(reason)
                return
            self._events.tell(f"{reason}; connects again, try {tried} of {self._patience.tries}")
            time.sleep(self._patience.pause(tried))

    def _connected(self) -> InputContainer:
        """The address as PyAV opens it. Raises av.FFmpegError."""
        limit, name = self._patience.timeout, self._source.name
        options = AT_ONCE | ({"rtsp_flags": "prefer_tcp"} if name.startswith("rtsp") else {})
        return av.open(name, metadata_errors="ignore", timeout=(limit, limit), options=options)

    def _said(self, error: Exception) -> str:
        """What FFmpeg says of a connection."""
        if isinstance(error, av.ExitError):
            return f"nothing came for {self._patience.timeout:g} s"
        # without a length FFmpeg cannot tell an end from an error, but it has other words for other errors
        return "ended" if self.live and getattr(error, "errno", None) == errno.EIO else said(error)

    def _decoded(self, container: InputContainer) -> Iterator[DecodedFrame]:
        """The frames of an open container, whose times go on behind those of an earlier connection."""
        if not container.streams.video:
            raise ValueError("holds no video")
        stream = container.streams.video[0]
        if self.live:
            stream.codec_context.thread_type = "SLICE"  # frame by frame, without a delay
        else:
            stream.codec_context.thread_type = "AUTO"
            # In one thread FFmpeg gives frames behind a damaged one that it drops in several, and that OpenCV drops.
            stream.codec_context.thread_count = min(max(2, processors()), 16)
        self.rate = sensible(float(stream.average_rate or stream.guessed_rate or 0))
        following = self._time + 1 / Fraction(self.rate).limit_denominator(1001)
        clock = Clock(self.rate, max(self._elapsed(), following) if self._number else Fraction(0))
        by_arrival = self.live and container.format.name in UNTIMED
        smallest = NO_FRAME if stream.codec_context.name == "mpeg4" else 0
        with closing(container.demux(stream)) as source:
            for packet in source:
                if self._events.stopped():
                    return
                if packet.size > 0:
                    self.cut = packet.is_corrupt
                    self._hidden += packet.is_discard or packet.size <= smallest
                yield from self._of_packet(packet, self._arrival if by_arrival else clock.time_of)

    def _of_packet(self, packet: av.Packet, time_of: Callable[[av.VideoFrame], Fraction]) -> Iterator[DecodedFrame]:
        """The frames that the decoder gives for this packet. Damaged ones are among them, as they are with OpenCV.

        time_of: when a frame is shown, in seconds.
        """
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            pictures, self.cut = [], True
            self.damaged += 1
        for picture in pictures:
            if picture.is_corrupt or packet.is_corrupt:
                self.cut = True
                self.damaged += 1
            yield self._frame(picture, time_of(picture))

    def _frame(self, picture: av.VideoFrame | np.ndarray, at: Fraction) -> DecodedFrame:
        if self._number == 0:
            self._began = time.monotonic()
        frame = DecodedFrame(self._number, at, picture, self._converter)
        if self._size not in (None, frame.size):
            before, now = ("{}x{}".format(*size) for size in (self._size, frame.size))
            self._events.tell(f"the size of its frames changes from {before} to {now} at frame {frame.number}")
        self._size, self._number, self._time = frame.size, self._number + 1, at
        return frame

    def _arrival(self, picture: av.VideoFrame) -> Fraction:
        """Now, or a millisecond behind the frame before."""
        return max(self._elapsed(), self._time + Fraction(1, 1000)) if self._number else Fraction(0)

    def _elapsed(self) -> Fraction:
        """Seconds since the first frame came, in milliseconds; 0 before it."""
        return Fraction(round(1000 * (time.monotonic() - self._began)) if self._number else 0, 1000)

    def _difference(self, container: InputContainer) -> str:
        """How the frames differ from what the container says; "" where they do not."""
        if self.cut:
            return "ends in the middle of a frame; is it cut off?"
        stated = container.streams.video[0].frames
        if stated and self._number < stated - self._hidden:
            return f"{self._number} frames can be decoded, its container says {stated}; is it cut off or damaged?"
        claimed, seconds = (container.duration or 0) / av.time_base, float(self._time) + 1 / self.rate
        if seconds < 0.9 * claimed - 2 / self.rate:
            found = f"its frames end after {seconds:.1f} s, its container says {claimed:.1f} s"
            return f"{found}; is it cut off or damaged?"
        return ""


def sensible(rate: float) -> float:
    """The rate in frames a second, or USUAL_RATE in place of one that makes no sense."""
    return rate if 1 <= rate <= 1000 else USUAL_RATE


def said(error: Exception) -> str:
    """What FFmpeg says, without the file's name."""
    return getattr(error, "strerror", None) or str(error)
