"""What a video's container says about its frames, read without decoding any."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import av
from av.container import InputContainer

from paddle_tsm.videos.packet_seek import NO_FRAME, none_if_damaged, open_container


@dataclass(frozen=True)
class Claim:
    """The number of frames that a container claims, and the packets that lie in it.

    frames: the claimed number, or None. exact: the container states this number; otherwise it is the duration times the
    frame rate. packets: those that should show a frame. in_time: each packet has a time of its own, and together they
    span the duration. hidden: packets that the file itself discards or that hold no picture. Containers differ in
    whether they count hidden packets as frames.
    """

    frames: int | None = None
    exact: bool = False
    packets: int = 0
    in_time: bool = False
    hidden: int = 0

    @property
    def kept(self) -> bool:
        """Whether the packets are certainly as many as the container states."""
        return self.exact and self.packets + self.hidden == self.frames

    @property
    def expected(self) -> int | None:
        """The number of frames that decoding should give, or None."""
        return self.packets if not self.exact and self.in_time else self.frames


def claim_of(path: str) -> Claim:
    """The Claim of a video file; an empty one where PyAV cannot open the file or finds it damaged."""
    container = open_container(path)
    if container is None:
        return Claim()
    with container:
        return claim_in(container) or Claim()


@none_if_damaged
def claim_in(container: InputContainer) -> Claim | None:
    """The Claim of an open container, or None where it has no video."""
    if not container.streams.video:
        return None
    stream = container.streams.video[0]
    rate = float(stream.average_rate or stream.guessed_rate or stream.base_rate or 0)
    seconds = container.duration / av.time_base if container.duration else 0.0
    smallest = NO_FRAME if stream.codec_context.name == "mpeg4" and container.format.name == "avi" else 0
    times, hidden = packet_times(container, stream, smallest)
    if stream.frames:
        return Claim(stream.frames, True, len(times), hidden=hidden)
    if not rate or not seconds:
        return Claim(packets=len(times))
    known = [time for time in times if time is not None]
    span = max(known) - min(known) + 1 / rate if known else 0.0
    all_differ = len(set(known)) == len(times)
    in_time = all_differ and abs(span - seconds) <= 0.1 * seconds + 2 / rate
    return Claim(round(seconds * rate), False, len(times), in_time)


def packet_times(container: InputContainer, stream: av.VideoStream, smallest: int) -> tuple[list[float | None], int]:
    """(the time in seconds of each packet that should show a frame, None where it has no time; the number of hidden
    packets, which the file discards or which have at most `smallest` bytes).
    """
    times: list[float | None] = []
    hidden = 0
    try:
        with closing(container.demux(stream)) as source:
            for packet in source:
                if packet.size == 0 and packet.pts is None:  # the end of the stream
                    continue
                if packet.is_discard or packet.size <= smallest:
                    hidden += 1
                else:
                    times.append(None if packet.pts is None else float(packet.pts * packet.time_base))
    except av.FFmpegError:
        pass  # the packets in front of the damage count
    return times, hidden
