"""Frames of a video file found by jumping from key frame to key frame with PyAV. The pixels are OpenCV's.

Decoding starts at the last key frame in front of a wanted frame. (OpenCV's own seek starts further back, at the key
frame in front of the sixteenth frame before it; cap_ffmpeg_impl.hpp.) The times of the packets are read without
decoding, and say which frame is where. They are trusted only where each packet is one frame and has its true time, and
each decoded frame must have the time that was asked for. In every other case the functions here return None, and OpenCV
reads the file from its start.

PyAV and OpenCV contain the same FFmpeg, so they have the same decoders, and for 8 bits a sample the same conversion to
RGB.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing  # PyAV's packets keep their buffer unless they are read to the end or closed
from functools import wraps

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter

CODECS = ("h264", "hevc", "mpeg4", "vp9", "mjpeg")  # each packet is one frame
# containers whose packets say when a frame is shown
STORE_TIMES = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
# (container, codec) whose packets say only when a frame is decoded; it is shown then where no packet is out of order
IN_ORDER = (("avi", "mpeg4"), ("avi", "mjpeg"))
NO_FRAME = 8  # bytes; an MPEG-4 packet that is no longer holds no picture (packed bitstreams)


def read_by_packets(
    path: str,
    choose: Callable[[int], np.ndarray],
    threads: int | None = None,
    note: Callable[[str], None] = lambda text: None,
    changes: list[tuple[int, int]] | None = None,
) -> list[np.ndarray] | None:
    """The frames with the indices `choose(num_frames)`, in that order: RGB [H, W, 3] uint8. None where the packets do
    not tell for certain which frame is where.

    threads: of the decoder. note: is called with a sentence where the packets end long before the container's duration,
    or where there is only one. changes: takes (width, height) of a frame that is not of the stream's size; the result
    is then None, because OpenCV scales such frames. Raises only what `choose` raises.
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


def none_if_damaged(function: Callable) -> Callable:
    """`function`, which then returns None where FFmpeg finds an error. OpenCV's reader reports damaged files."""

    @wraps(function)
    def checked(*arguments):
        try:
            return function(*arguments)
        except (av.FFmpegError, OSError, ValueError):
            return None

    return checked


@none_if_damaged
def open_container(path: str) -> InputContainer | None:
    """The file opened by PyAV, or None."""
    return av.open(path, metadata_errors="ignore")


@none_if_damaged
def packet_table(container: InputContainer) -> list[tuple[int, bool]] | None:
    """(time, whether it is a key frame) of each packet, in the order of decoding. None where it is not certain that
    each packet is one frame, and where samples do not have 8 bits.
    """
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
            if packet.size == 0 and packet.pts is None:  # the end of the stream
                continue
            if packet.pts is None or packet.is_discard or packet.is_corrupt or packet.size <= smallest:
                return None
            packets.append((packet.pts, packet.is_keyframe))
    times = [time for time, _ in packets]
    complete = packets and packets[0][1] and times[0] == min(times) and len(set(times)) == len(times)
    ordered = kind not in IN_ORDER or times == sorted(times)
    return packets if complete and ordered and stream.frames in (0, len(packets)) else None


def early_end(container: InputContainer, times: list[int]) -> str:
    """A sentence where there is only one frame, or where the container does not state their number and they end long
    before its duration; else "".
    """
    if len(times) == 1:
        return "one frame is all that it holds, as a still picture does"
    stream = container.streams.video[0]
    if stream.frames or not container.duration:
        return ""
    interval = (times[-1] - times[0]) / (len(times) - 1)
    found = float((times[-1] - times[0] + interval) * stream.time_base)
    claimed = container.duration / av.time_base
    if found >= 0.9 * claimed - 2 * float(interval * stream.time_base):
        return ""
    return f"its frames end after {found:.1f} s, its container says {claimed:.1f} s; is it cut off or damaged?"


@none_if_damaged
def decode(
    container: InputContainer,
    packets: list[tuple[int, bool]],
    wanted: set[int],
    threads: int | None,
    changes: list[tuple[int, int]],
) -> dict[int, np.ndarray] | None:
    """time -> RGB frame, for the times `wanted`; None where one is damaged, of another size, or not decoded.

    threads, changes: see `read_by_packets`.
    """
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
                    return None  # the seek did not lead to this packet
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
    """(the index of the key packet where decoding starts, the wanted times that it reaches), for each seek."""
    place = {time: i for i, (time, _) in enumerate(packets)}
    keys = [i for i, (_, is_key) in enumerate(packets) if is_key]
    found: list[tuple[int, list[int]]] = []
    for time in sorted(wanted):
        start = max(key for key in keys if key <= place[time] and packets[key][0] <= time)
        if not found or start > place[found[-1][1][-1]] + 1:
            found.append((start, []))
        found[-1][1].append(time)
    return found


def decoded(packet: av.Packet, wanted: set[int]) -> list[av.VideoFrame]:
    """The frames that the decoder returns for this packet.

    It may skip an H.264 frame that is not wanted and to which no other frame refers (`nal_ref_idc` 0, ITU-T H.264
    7.4.1), because no pixel of the other frames depends on it.
    """
    codec = packet.stream.codec_context
    if codec.name == "h264":
        codec.skip_frame = "NONREF" if packet.pts is not None and packet.pts not in wanted else "DEFAULT"
    return packet.decode()


def upright(frame: av.VideoFrame, converter: VideoReformatter) -> np.ndarray:
    """The frame as RGB [H, W, 3] uint8, rotated as the file says, like OpenCV's."""
    pixels = converter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    turns = frame.rotation / 90
    return np.ascontiguousarray(np.rot90(pixels, int(turns))) if turns in (-1, 1, 2, -2) else pixels
