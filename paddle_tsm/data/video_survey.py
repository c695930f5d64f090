"""Whether a video holds what its container says: a file that was cut off, several in one, frames of several sizes.

The decoders go on where they can, so that a damaged file passes as a shorter one. What OpenCV decodes is what counts
here: the frames that `predict`, `evaluate` and `stream` get.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache

import av

from paddle_tsm.data.open_video import check_file, count_frames
from paddle_tsm.data.packet_seek import NO_FRAME, none_if_damaged, open_container

MEMORY = 4096  # videos whose survey is kept: one is asked for when a list is checked, and again when the clip is read


@dataclass(frozen=True)
class Claim:
    """What a container says of its video, and what lies in it.

    frames: how many it says, or None; exact: it says so itself, and it is not its duration times its rate. packets: how
    many were found; in_time: their times are those of the duration, each there once. hidden: packets beside those that
    show no frame, because the file discards them or has no picture in them; whether it counts them is not certain.
    """

    frames: int | None = None
    exact: bool = False
    packets: int = 0
    in_time: bool = False
    hidden: int = 0

    @property
    def kept(self) -> bool:
        """Whether the packets are as many as it says, for certain."""
        return self.exact and self.packets + self.hidden == self.frames

    @property
    def expected(self) -> int | None:
        return self.packets if not self.exact and self.in_time else self.frames


@dataclass(frozen=True)
class Survey:
    """decoded: frames that OpenCV decodes. sizes: (width, height) of the frames, each once, in their order."""

    claim: Claim
    decoded: int
    sizes: tuple[tuple[int, int], ...]

    @property
    def problem(self) -> str:
        """What differs, in words; "" where nothing does."""
        found = [count_problem(self.claim, self.decoded)]
        if self.decoded == 1:
            found.append("one frame is all that it holds, as a still picture does")
        if len(self.sizes) > 1:
            found.append("the size of its frames changes: " + ", then ".join(f"{w}x{h}" for w, h in self.sizes[:4]))
        return "; ".join(filter(None, found))


def count_problem(claim: Claim, decoded: int) -> str:
    """A number of frames that is not the container's. An estimate may be a tenth off."""
    wanted = claim.expected
    if wanted is None or abs(decoded - wanted) <= (claim.hidden if claim.exact else max(2, wanted // 10)):
        return ""
    about = "" if claim.exact else "about "
    why = "is it cut off or damaged?" if decoded < wanted else "is it several videos in one file?"
    return f"{decoded} frames can be decoded, its container says {about}{wanted}; {why}"


def survey(path) -> Survey:
    """The Survey of a video file, all of which is decoded. Raises ValueError for a file that OpenCV cannot open."""
    path = os.fspath(path)
    try:
        stat = os.stat(path)
    except OSError:
        return survey_of.__wrapped__(path, 0, 0)  # which says that there is no such file
    return survey_of(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(MEMORY)
def survey_of(path: str, changed: int, size: int) -> Survey:
    check_file(path)
    decoded = count_frames(path)
    return Survey(claim_of(path), decoded, sizes_in(path) or ())


def claim_of(path: str) -> Claim:
    """The Claim of a video file, without decoding it; an empty one where PyAV cannot open it."""
    container = open_container(path)
    if container is None:
        return Claim()
    with container:
        return claim_in(container) or Claim()


@none_if_damaged
def claim_in(container) -> Claim | None:
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
    once = len(set(known)) == len(times)
    return Claim(round(seconds * rate), False, len(times), once and abs(span - seconds) <= 0.1 * seconds + 2 / rate)


def packet_times(container, stream, smallest: int) -> tuple[list, int]:
    """(seconds or None of each packet that is to be seen, how many are not: discarded by the file itself, or no
    picture).
    """
    times, hidden = [], 0
    try:
        with closing(container.demux(stream)) as source:
            for packet in source:
                if packet.size == 0 and packet.pts is None:  # the end
                    continue
                if packet.is_discard or packet.size <= smallest:
                    hidden += 1
                else:
                    times.append(None if packet.pts is None else float(packet.pts * packet.time_base))
    except av.FFmpegError:
        pass  # what came before it counts
    return times, hidden


def sizes_in(path: str) -> tuple[tuple[int, int], ...] | None:
    """Each size of the frames once. OpenCV cannot say: it scales every frame to the size of the first."""
    container = open_container(path)
    if container is None:
        return None
    sizes: dict[tuple[int, int], None] = {}
    with container:
        if container.streams.video:
            container.streams.video[0].codec_context.thread_type = "AUTO"
            see_sizes(container, sizes)
    return tuple(sizes)


@none_if_damaged
def see_sizes(container, sizes: dict) -> None:
    with closing(container.demux(container.streams.video[0])) as source:
        for packet in source:
            try:
                for frame in packet.decode():
                    sizes[frame.width, frame.height] = None
            except av.FFmpegError:
                continue  # the next packet may be whole


class VideoNotes:
    """What was found of the videos of a run: path -> problem. Several threads may add."""

    def __init__(self):
        self._found: dict[str, str] = {}

    def add(self, path: str, problem: str) -> None:
        if problem:
            self._found.setdefault(path, problem)

    def __len__(self) -> int:
        return len(self._found)

    def report(self) -> str:
        """One line: how many, and the first three of them; "" where there are none."""
        if not self._found:
            return ""
        first = "; ".join(f"{path}: {problem}" for path, problem in list(self._found.items())[:3])
        if len(self) == 1:
            return first
        return f"{len(self)} videos do not hold what they say; {'the first: ' if len(self) > 3 else ''}{first}"
