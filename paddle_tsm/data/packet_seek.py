"""Frames of a video file by jumping from key frame to key frame, by PyAV: OpenCV's pixels, but fewer frames decoded.

A seek of OpenCV's (cap_ffmpeg_impl.hpp) starts at the key frame before the frame 16 ahead of the wanted one; here
decoding starts at the last key frame. The packets' own times, read without decoding, say which frame is where. They are
trusted only where a frame is a packet and every packet has its true time, and each frame that comes out must have the
time that was asked for. Everything else (`None` here) is for OpenCV, in order.

PyAV and OpenCV carry the same FFmpeg: the same decoders, and the same conversion to RGB for 8 bits a sample.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing  # PyAV's packets, when not read to the end, keep their buffer unless they are closed
from functools import wraps

import av
import numpy as np
from av.video.reformatter import VideoReformatter

CODECS = ("h264", "hevc", "mpeg4", "vp9", "mjpeg")  # a packet is a frame
STORE_TIMES = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")  # when a frame is shown, not only when it is decoded
IN_ORDER = (("avi", "mpeg4"), ("avi", "mjpeg"))  # shown when it is decoded: true where no packet is out of order
NO_FRAME = 8  # bytes: an MPEG-4 packet of no more says "no picture here" (packed bitstreams)


def read_by_packets(
    path: str,
    choose: Callable[[int], np.ndarray],
    threads: int | None = None,
    note: Callable[[str], None] = lambda text: None,
    changes: list | None = None,
):
    """The RGB frames [H, W, 3] uint8 whose indices `choose(num_frames)` gives, in that order, or None where the packets
    do not tell them apart for certain. Raises what `choose` raises, nothing else.

    note: gets a sentence where the packets end long before the time that the container says, or there is only one.
    changes: gets the sizes of frames that are not of the stream's size; OpenCV, which scales those, is then the one to
    read them.
    """
    container = open_container(path)
    if container is None:
        return None
    with container:
        packets = packet_table(container)
        if packets is None:
            return None
        times = sorted(time for time, _ in packets)
        note(early_end(container, times))
        wanted = [times[index] for index in choose(len(times))]
        frames = decode(container, packets, set(wanted), threads, [] if changes is None else changes)
    return frames and [frames[time] for time in wanted]


def none_if_damaged(function):
    """`function`, but None where FFmpeg finds an error: what is to be said of a damaged file, OpenCV's reader says."""

    @wraps(function)
    def checked(*arguments):
        try:
            return function(*arguments)
        except (av.FFmpegError, OSError, ValueError):
            return None

    return checked


@none_if_damaged
def open_container(path: str):
    return av.open(path, metadata_errors="ignore")


@none_if_damaged
def packet_table(container) -> list[tuple[int, bool]] | None:
    """(time, is a key frame) of each packet, in the order of decoding; None where they are not certainly the frames, or
    have not 8 bits a sample."""
    if not container.streams.video:
        return None
    stream = container.streams.video[0]
    name, pixels = stream.codec_context.name, stream.codec_context.format
    kind = (container.format.name, name)
    if name not in CODECS or not (kind[0] in STORE_TIMES or kind in IN_ORDER):
        return None
    if pixels is None or any(component.bits != 8 for component in pixels.components):
        return None
    packets, smallest = [], NO_FRAME if name == "mpeg4" else 0
    with closing(container.demux(stream)) as source:
        for packet in source:
            if packet.size == 0 and packet.pts is None:  # the end
                continue
            if packet.pts is None or packet.is_discard or packet.is_corrupt or packet.size <= smallest:
                return None
            packets.append((packet.pts, packet.is_keyframe))
    times = [time for time, _ in packets]
    whole = packets and packets[0][1] and times[0] == min(times) and len(set(times)) == len(times)
    ordered = kind not in IN_ORDER or times == sorted(times)
    return packets if whole and ordered and stream.frames in (0, len(packets)) else None


def early_end(container, times: list[int]) -> str:
    """What is to be said of a container that has no number of frames and ends early, or holds one frame; else ""."""
    if len(times) == 1:
        return "one frame is all that it holds, as a still picture does"
    stream = container.streams.video[0]
    if stream.frames or not container.duration:
        return ""
    each = (times[-1] - times[0]) / (len(times) - 1)
    found, said = float((times[-1] - times[0] + each) * stream.time_base), container.duration / av.time_base
    if found >= 0.9 * said - 2 * float(each * stream.time_base):
        return ""
    return f"its frames end after {found:.1f} s, its container says {said:.1f} s; is it cut off or damaged?"


@none_if_damaged
def decode(container, packets: list[tuple[int, bool]], wanted: set[int], threads: int | None, changes: list):
    """{time: frame} for the times `wanted`, or None where one is damaged, of another size, or does not come out."""
    stream = container.streams.video[0]
    declared = stream.codec_context.width, stream.codec_context.height
    stream.codec_context.thread_count = threads or 0
    stream.codec_context.thread_type = "SLICE" if threads == 1 else "AUTO"
    converter, frames = VideoReformatter(), {}
    for start, times in runs(packets, wanted):
        container.seek(packets[start][0], stream=stream)
        with closing(container.demux(stream)) as source:
            for packet, (time, _) in zip(source, [*packets[start:], (None, False)]):
                if packet.pts != time:
                    return None  # the seek led elsewhere
                for frame in decoded(packet, wanted):
                    if frame.pts in wanted:
                        if frame.is_corrupt:
                            return None
                        if (frame.width, frame.height) != declared:
                            changes.append((frame.width, frame.height))
                            return None
                        frames[frame.pts] = upright(frame, converter)
                if times[-1] in frames:
                    break
        if any(time not in frames for time in times):
            return None
    return frames


def runs(packets: list[tuple[int, bool]], wanted: set[int]) -> list[tuple[int, list[int]]]:
    """(the place of the key packet where decoding starts, the wanted times it goes on to), for each seek."""
    place = {time: i for i, (time, _) in enumerate(packets)}
    keys = [i for i, (_, is_key) in enumerate(packets) if is_key]
    found = []
    for time in sorted(wanted):
        start = max(key for key in keys if key <= place[time] and packets[key][0] <= time)
        if not found or start > place[found[-1][1][-1]] + 1:
            found.append((start, []))
        found[-1][1].append(time)
    return found


def decoded(packet, wanted: set[int]):
    """The frames that the decoder gives out after this packet. It may leave out a frame of H.264 that is not wanted and
    that no other refers to (`nal_ref_idc` 0, ITU-T H.264 7.4.1): no pixel of the others depends on it."""
    codec = packet.stream.codec_context
    if codec.name == "h264":
        codec.skip_frame = "NONREF" if packet.pts is not None and packet.pts not in wanted else "DEFAULT"
    return packet.decode()


def upright(frame, converter: VideoReformatter) -> np.ndarray:
    """RGB [H, W, 3] uint8, turned as the file says: what OpenCV gives."""
    pixels = converter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    turns = frame.rotation / 90
    return np.ascontiguousarray(np.rot90(pixels, int(turns))) if turns in (-1, 1, 2, -2) else pixels
