"""Frames of a video file by jumping from key frame to key frame, by PyAV: OpenCV's pixels, but fewer frames decoded.

A seek of OpenCV's decodes at least 17 frames; here decoding starts at the key frame itself, and nothing is decoded where
the wanted frame is a key frame. The packets' own times, read without decoding, say which frame is where. They are trusted
only where a frame is a packet and every packet has its true time; each frame that comes out must have the time that was
asked for. Everything else (`None` here) is for OpenCV, in order.

PyAV and OpenCV carry the same FFmpeg: the same decoders, and the same conversion to RGB for 8 bits a sample.
"""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
from av.video.reformatter import VideoReformatter

CODECS = ("h264", "hevc", "mpeg4", "vp9", "mjpeg")  # a packet is a frame
STORE_TIMES = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")  # when a frame is shown, not only when it is decoded
IN_ORDER = (("avi", "mpeg4"), ("avi", "mjpeg"))  # shown when it is decoded: true where no packet is out of order
NO_FRAME = 8  # bytes: an MPEG-4 packet of no more says "no picture here" (packed bitstreams)


def read_by_packets(path: str, choose: Callable[[int], np.ndarray], threads: int | None = None):
    """The RGB frames [H, W, 3] uint8 whose indices `choose(num_frames)` gives, in that order, or None where the packets
    do not tell them apart for certain. Raises what `choose` raises, nothing else."""
    try:
        container = av.open(path, metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError):
        return None
    with container:
        packets = packet_table(container)
        if packets is None:
            return None
        times = sorted(time for time, _ in packets)
        wanted = [times[index] for index in choose(len(times))]
        try:
            frames = decode(container, packets, set(wanted), threads)
        except (av.FFmpegError, OSError, ValueError):
            return None
    return frames and [frames[time] for time in wanted]


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
    packets = []
    for packet in container.demux(stream):
        if packet.size == 0 and packet.pts is None:  # the end
            continue
        if packet.pts is None or packet.is_discard or packet.is_corrupt or packet.size <= NO_FRAME * (name == "mpeg4"):
            return None
        packets.append((packet.pts, packet.is_keyframe))
    times = [time for time, _ in packets]
    whole = packets and packets[0][1] and times[0] == min(times) and len(set(times)) == len(times)
    ordered = kind not in IN_ORDER or times == sorted(times)
    return packets if whole and ordered and stream.frames in (0, len(packets)) else None


def decode(container, packets: list[tuple[int, bool]], wanted: set[int], threads: int | None):
    """{time: frame} for the times `wanted`, or None where one is damaged or does not come out."""
    stream = container.streams.video[0]
    stream.codec_context.thread_count = threads or 0
    stream.codec_context.thread_type = "SLICE" if threads == 1 else "AUTO"
    place = {time: i for i, (time, _) in enumerate(packets)}
    keys = [i for i, (_, is_key) in enumerate(packets) if is_key]
    converter, frames, source, at = VideoReformatter(), {}, None, 0
    for time in sorted(wanted):
        if time in frames:
            continue
        start = max(key for key in keys if key <= place[time] and packets[key][0] <= time)
        if source is None or start > at:
            container.seek(packets[start][0], stream=stream)
            source, at = container.demux(stream), start
        for packet in source:
            if at < len(packets) and packet.pts != packets[at][0]:
                return None  # the seek led elsewhere
            at += 1
            for frame in decoded(packet, wanted):
                if frame.pts in wanted:
                    if frame.is_corrupt:
                        return None
                    frames[frame.pts] = upright(frame, converter)
            if time in frames:
                break
        else:
            return None
    return frames


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
