"""Jumping from key frame to key frame gives the frames that OpenCV decodes from the start of the file, or None."""

from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from paddle_tsm.videos import packet_seek, video_file

FRAMES, SIZE = 60, (96, 64)
# name: (codec, pixel format, options, attributes of the encoder)
SEEKED = {
    "gop12.mp4": ("libx264", "yuv420p", {}, {"gop_size": 12}),
    "gop250.mp4": ("libx264", "yuv420p", {}, {"gop_size": 250}),
    "open_gop.mp4": ("libx264", "yuv420p", {"x264-params": "open-gop=1:bframes=4:b-pyramid=normal"}, {"gop_size": 12}),
    "bt709.mp4": ("libx264", "yuv420p", {}, {"gop_size": 12, "colorspace": 1}),
    "full.mp4": ("libx264", "yuvj420p", {}, {"gop_size": 12}),
    "yuv444.mp4": ("libx264", "yuv444p", {}, {"gop_size": 12}),
    "gop12.mkv": ("libx264", "yuv420p", {}, {"gop_size": 12}),
    "hevc.mp4": ("libx265", "yuv420p", {"x265-params": "log-level=none"}, {"gop_size": 12}),
    "mpeg4.mp4": ("mpeg4", "yuv420p", {}, {"gop_size": 12, "max_b_frames": 2}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {}, {"gop_size": 12}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {}, {}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {"cpu-used": "8"}, {"gop_size": 12}),
}
IN_ORDER = {
    "ten_bits.mp4": ("libx264", "yuv420p10le", {}, {"gop_size": 12}),  # PyAV and OpenCV convert these differently
    "h264.avi": ("libx264", "yuv420p", {}, {"gop_size": 12}),  # made-up times
    "b_frames.avi": ("mpeg4", "yuv420p", {}, {"gop_size": 12, "max_b_frames": 2}),
    "refresh.mp4": ("libx264", "yuv420p", {"x264-params": "intra-refresh=1"}, {"gop_size": 12}),  # frames after a seek
    "h264.ts": ("libx264", "yuv420p", {}, {"gop_size": 12}),
    "mpeg2.avi": ("mpeg2video", "yuv420p", {}, {"gop_size": 12}),
}
CHOICES = [[0], [59], [30], [5, 5, 3], list(range(FRAMES)), [59, 0, 31], [13, 12, 11], [3, 11, 18, 26, 33, 41, 48, 56]]


def write(path, codec, pixels, options, attributes):
    """A disc that moves over a texture, `FRAMES` frames."""
    texture = cv2.resize(np.random.default_rng(0).integers(0, 256, (12, 16, 3), "uint8"), SIZE)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options)
        stream.width, stream.height = SIZE
        stream.pix_fmt = pixels
        for name, value in attributes.items():
            setattr(stream.codec_context, name, value)
        for i in range(FRAMES):
            picture = cv2.circle(np.roll(texture, i, 1), (i + 10, 30), 9, (0, 4 * i, 255), -1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=pixels)))
        container.mux(stream.encode(None))
    return str(path)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """The path of a video by its name in the tables, written when it is first asked for."""
    folder, made = tmp_path_factory.mktemp("packets"), {}

    def make(name):
        if name not in made:
            made[name] = write(folder / name, *(SEEKED | IN_ORDER)[name])
        return made[name]

    return make


def in_order(path):
    """Every frame as OpenCV decodes it, RGB."""
    capture, frames = cv2.VideoCapture(path, cv2.CAP_FFMPEG), []
    while capture.grab():
        frames.append(cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB))
    return frames


@pytest.mark.parametrize("threads", [1, None])
@pytest.mark.parametrize("name", SEEKED)
def test_the_pixels_are_opencvs(video, name, threads):
    every = in_order(video(name))
    assert len(every) == FRAMES and not any(np.array_equal(every[i], every[i - 1]) for i in range(FRAMES))
    for indices in CHOICES:
        counts = []
        frames = packet_seek.read_by_packets(video(name), lambda count: counts.append(count) or indices, threads)
        assert counts == [FRAMES]
        assert all(np.array_equal(frame, every[index]) for frame, index in zip(frames, indices, strict=True)), indices


@pytest.mark.parametrize("name", IN_ORDER)
def test_what_is_not_certain_is_left_to_opencv(video, name):
    every = in_order(video(name))
    assert packet_seek.read_by_packets(video(name), lambda count: [10, 50]) is None
    frames = video_file.read_frames(video(name), lambda count: [10, 50])
    assert np.array_equal(frames[0], every[10]) and np.array_equal(frames[1], every[50])


def decoded(monkeypatch, path, indices):
    """How many frames come out of the decoder."""
    counts, original = [], packet_seek.decoded
    with monkeypatch.context() as patch:
        patch.setattr(packet_seek, "decoded", lambda *given: counts.append(original(*given)) or counts[-1])
        assert packet_seek.read_by_packets(path, lambda count: indices, 1) is not None
    return sum(map(len, counts))


def test_no_more_is_decoded_than_needed(video, monkeypatch):
    assert decoded(monkeypatch, video("mjpeg.avi"), [7, 30, 50]) == 3
    assert decoded(monkeypatch, video("mpeg4.avi"), [12, 50]) == 1 + 3, "key frames at 0, 12, 24, 36, 48"
    assert decoded(monkeypatch, video("mpeg4.avi"), [13, 15, 20]) == 9, "from frame to frame in between"
    every = decoded(monkeypatch, video("gop250.mp4"), list(range(FRAMES)))
    assert every == FRAMES and decoded(monkeypatch, video("gop250.mp4"), [0, 59]) < 45, "frames that no other needs"


PACKETS = [(0, True), (30, False), (10, False), (20, False), (60, True), (40, False), (50, False), (70, False)]


def test_runs():
    """Leading frames (40, 50), which come after the key frame but are shown before it, need the key frame before."""
    assert packet_seek.runs(PACKETS, {10}) == [(0, [10])]
    assert packet_seek.runs(PACKETS, {50}) == [(0, [50])]
    assert packet_seek.runs(PACKETS, {0, 70}) == [(0, [0]), (4, [70])]
    assert packet_seek.runs(PACKETS, {0, 20, 60}) == [(0, [0, 20, 60])], "the key frame is the next packet"


@pytest.mark.parametrize(
    "change",
    [
        lambda packets: packets[1:],  # the first is missing
        lambda packets: [(time + 1, is_key) for time, is_key in packets],  # other times
    ],
)
def test_a_seek_to_another_frame_is_noticed(video, monkeypatch, change):
    path, original = video("gop12.mp4"), packet_seek.packet_table
    every = in_order(path)
    monkeypatch.setattr(packet_seek, "packet_table", lambda container: change(original(container)))
    assert packet_seek.read_by_packets(path, lambda count: [5, 55]) is None
    frames = video_file.read_frames(path, lambda count: [5, 55])
    assert np.array_equal(frames[0], every[5]) and np.array_equal(frames[1], every[55])


def packet(pts, is_keyframe=False, **others):
    """A stand-in for a packet, with the attributes that `packet_table` reads."""
    usual = {"pts": pts, "is_keyframe": is_keyframe, "size": 100, "is_discard": False, "is_corrupt": False}
    return SimpleNamespace(**usual | others)


def container(packets, frames=0, name="mov,mp4,m4a,3gp,3g2,mj2"):
    """A stand-in for an open MPEG-4 file with these packets, whose header claims `frames` frames."""
    codec = SimpleNamespace(name="mpeg4", format=av.VideoFormat("yuv420p"))
    stream = SimpleNamespace(frames=frames, codec_context=codec)

    def demux(stream):
        yield from packets

    return SimpleNamespace(format=SimpleNamespace(name=name), streams=SimpleNamespace(video=[stream]), demux=demux)


KEY = packet(0, True)


@pytest.mark.parametrize(
    "packets",
    [
        [],
        [packet(0), packet(1)],
        [packet(1, True), packet(0)],
        [KEY, packet(1), packet(1)],
        [KEY, packet(None)],
        [KEY, packet(1, size=8)],
        [KEY, packet(1, is_discard=True)],
        [KEY, packet(1, is_corrupt=True)],
    ],
)
def test_packets_that_are_not_the_frames(packets):
    """There is no packet; the first is no key frame, or not the first to be shown; two have the same time; or one has
    no time, holds no picture, is discarded or is damaged.
    """
    good, table = [KEY, packet(2), packet(1), packet(None, size=0)], [(0, True), (2, False), (1, False)]
    assert packet_seek.packet_table(container(good)) == table == packet_seek.packet_table(container(good, frames=3))
    assert packet_seek.packet_table(container(good, frames=4)) is None, "the header claims another number"
    assert packet_seek.packet_table(container(good, name="avi")) is None, "an AVI has no times of frames out of order"
    assert packet_seek.packet_table(container(packets)) is None
