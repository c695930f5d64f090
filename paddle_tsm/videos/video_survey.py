"""Whether a video holds what its container says. It may be cut off, or several files in one, or change its size.

Decoders go on where they can, and a damaged file passes as a shorter one. So a survey decodes every frame and compares
their number with the container's. OpenCV's frames are counted, because these are the frames that `predict`, `evaluate`
and `stream` read.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache

import av
from av.container import InputContainer

from paddle_tsm.videos.container_claim import Claim, claim_of
from paddle_tsm.videos.open_video import check_file, count_frames
from paddle_tsm.videos.packet_seek import none_if_damaged, open_container

# Surveys that are kept: a video is surveyed when its list is checked, and asked about again when its clip is read.
KEPT_SURVEYS = 4096


@dataclass(frozen=True)
class Survey:
    """What a video holds.

    claim: what its container says. decoded: the number of frames that OpenCV decodes. sizes: (width, height) of the
    frames, each size once, in the order in which they appear.
    """

    claim: Claim
    decoded: int
    sizes: tuple[tuple[int, int], ...]

    @property
    def problem(self) -> str:
        """How the video differs from its container's claim, in words; "" where it does not."""
        found = [count_problem(self.claim, self.decoded)]
        if self.decoded == 1:
            found.append("one frame is all that it holds, as a still picture does")
        if len(self.sizes) > 1:
            found.append("the size of its frames changes: " + ", then ".join(f"{w}x{h}" for w, h in self.sizes[:4]))
        return "; ".join(filter(None, found))


def count_problem(claim: Claim, decoded: int) -> str:
    """How the number of decoded frames differs from the claim, in words; "" where it does not. Where the claim is only
    an estimate, a tenth more or less is no difference.
    """
    wanted = claim.expected
    if wanted is None or abs(decoded - wanted) <= (claim.hidden if claim.exact else max(2, wanted // 10)):
        return ""
    about = "" if claim.exact else "about "
    why = "is it cut off or damaged?" if decoded < wanted else "is it several videos in one file?"
    return f"{decoded} frames can be decoded, its container says {about}{wanted}; {why}"


def survey(path: str | os.PathLike) -> Survey:
    """The Survey of a video file, for which every frame is decoded. Raises ValueError where OpenCV cannot open it."""
    path = os.fspath(path)
    try:
        stat = os.stat(path)
    except OSError:
        return survey_of.__wrapped__(path, 0, 0)  # raises the error of a missing file
    return survey_of(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(KEPT_SURVEYS)
def survey_of(path: str, changed: int, size: int) -> Survey:
    """`survey`; the time of the last change and the size in bytes make the survey of an older file unfound."""
    check_file(path)
    decoded = count_frames(path)
    return Survey(claim_of(path), decoded, sizes_in(path) or ())


def sizes_in(path: str) -> tuple[tuple[int, int], ...] | None:
    """The `sizes` of a Survey, read by PyAV, because OpenCV scales every frame to the size of the first. None where
    PyAV cannot open the file.
    """
    container = open_container(path)
    if container is None:
        return None
    sizes: dict[tuple[int, int], None] = {}
    with container:
        if container.streams.video:
            container.streams.video[0].codec_context.thread_type = "AUTO"
            collect_sizes(container, sizes)
    return tuple(sizes)


@none_if_damaged
def collect_sizes(container: InputContainer, sizes: dict[tuple[int, int], None]) -> None:
    """Put the size of every frame that can be decoded into `sizes`."""
    with closing(container.demux(container.streams.video[0])) as source:
        for packet in source:
            try:
                for frame in packet.decode():
                    sizes[frame.width, frame.height] = None
            except av.FFmpegError:
                continue  # the next packet may be undamaged
