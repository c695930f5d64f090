"""Sources that are silent, damaged, cut off, of changing size or not there: what is said, and that all end."""

import re
import sys
import time
from types import SimpleNamespace

import av
import numpy as np
import pytest

from paddle_tsm.sources import frame_feed
from paddle_tsm.sources.feeds_in_turn import feeds_in_turn
from paddle_tsm.sources.source_decoder import SourceDecoder
from paddle_tsm.sources.source_patience import Patience
from paddle_tsm.sources.video_sources import source_of
from paddle_tsm.videos.video_file import read_frames
from parity_tests.http_videos import send, served
from parity_tests.read_sources import PATIENCE, Read, read
from parity_tests.small_videos import video

pytestmark = pytest.mark.usefixtures("no_pauses")


def numbers(result: Read) -> list[int]:
    return [frame.number for frame in result.frames]


@pytest.mark.parametrize("container, codec", [("mp4", "libx264"), ("matroska", "libx264"), ("avi", "mjpeg")])
def test_the_frames_of_a_file_are_those_of_predict(tmp_path, container, codec):
    path = tmp_path / "clip"
    path.write_bytes(video(container, codec=codec))
    (result,) = read(path)
    assert numbers(result) == list(range(30)) and result.told == "" and result.feed.problem == ""
    times = [float(frame.time) for frame in result.frames]
    np.testing.assert_allclose(times, np.arange(30) / 15, atol=6e-4)  # Matroska counts milliseconds
    for frame, expected in zip(result.frames, read_frames(path, np.arange), strict=True):
        np.testing.assert_array_equal(frame.rgb(), expected)


def test_a_pipe(pipe):
    content = video("mpegts")
    pipe(content[:9000], 0.01, content[9000:])
    (result,) = read("-")
    assert len(result.frames) == 30 and result.told == "" and result.feed.problem == ""


def test_a_pipe_that_stalls_and_goes_on(pipe):
    content = video("mpegts")
    pipe(content[:60000], 0.3, content[60000:])
    (result,) = read("-")
    assert len(result.frames) == 30 and result.feed.problem == ""
    assert result.told.startswith("no frame for 0.15 s; waits; goes on after 0.")


def test_a_pipe_that_stays_silent(pipe):
    pipe(video("mpegts")[:60000], 3.0)
    (result,) = read("-", seconds=2)
    assert result.frames and result.feed.problem == "standard input: nothing came for 0.4 s"


def test_a_pipe_that_is_no_video(pipe):
    pipe(b"no video at all\n" * 400)
    (result,) = read("-")
    assert result.frames == [] and result.feed.problem.startswith("standard input: no video, or an MP4 whose index")


def test_an_mp4_on_a_pipe_with_its_index_in_front(pipe):
    pipe(video("mp4", movflags="faststart+frag_keyframe+empty_moov"))
    (result,) = read("-")
    assert len(result.frames) == 30 and result.feed.problem == ""


@pytest.mark.parametrize("container, codec", [("avi", "mjpeg"), ("flv", "libx264"), ("matroska", "libx264")])
def test_an_end_in_the_middle_of_a_frame(tmp_path, container, codec):
    content = video(container, codec=codec)
    (tmp_path / "cut").write_bytes(content[: len(content) * 5 // 8])
    (result,) = read(tmp_path / "cut")
    assert 10 < len(result.frames) < 25 and result.feed.problem == ""
    assert "middle of a frame" in result.told or "its frames end after 1." in result.told, result.told


def test_damaged_frames_are_counted(tmp_path):
    path, content = tmp_path / "damaged.mkv", bytearray(video("matroska"))
    path.write_bytes(content)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    for packet in packets[3:20:8]:
        at = content.find(packet)
        content[at : at + 400] = bytes(400)
    path.write_bytes(content)
    (result,) = read(path)
    assert result.feed.damaged == 3 and len(result.frames) == 27 and result.feed.problem == ""


def test_a_size_that_changes(tmp_path):
    path = tmp_path / "sizes.ts"
    path.write_bytes(video("mpegts") + video("mpegts", size=(64, 96)))
    (result,) = read(path)
    assert {frame.rgb().shape for frame in result.frames} == {(64, 96, 3), (96, 64, 3)}
    assert "the size of its frames changes from 96x64 to 64x96 at frame 30" in result.told


@pytest.mark.parametrize(
    "name, said",
    [
        ("none.mp4", "no such video file"),
        ("http://127.0.0.1:9/clip.mp4", "Connection refused"),
        ("rtsp://user:secret@127.0.0.1:9/live", r"rtsp://user:\*\*\*@127.0.0.1:9/live: Connection refused"),
    ],
)
def test_what_is_not_there(name, said):
    (result,) = read(name, seconds=3)
    assert re.search(said, result.feed.problem) and "secret" not in result.feed.problem


def test_a_slow_download_is_not_silent(monkeypatch):
    """It lasts longer than any silence may, and is not given up, because bytes come."""
    monkeypatch.setattr(frame_feed, "SPARE", 0.0)
    content = video("avi", codec="mjpeg")

    def answer(handler):
        send(handler, content[:1000], length=len(content))
        for at in range(1000, len(content), len(content) // 10):
            time.sleep(0.1)
            handler.wfile.write(content[at : at + len(content) // 10])

    with served(answer) as address:
        (result,) = read(address + "clip.avi")
    assert len(result.frames) == 30 and result.told == "" and result.feed.problem == ""


def test_a_decoder_that_does_not_come_back_is_given_up(monkeypatch):
    """Whatever it hangs in: here it waits for nothing at all."""
    monkeypatch.setattr(frame_feed, "SPARE", 0.0)
    monkeypatch.setattr(SourceDecoder, "frames", lambda decoder: iter(lambda: time.sleep(2), 0))
    (result,) = read("clip.avi", seconds=2.5)
    assert result.frames == [] and re.fullmatch(r"clip.avi: no frame for [\d.]+ s; it is given up", result.feed.problem)


def test_a_terminal_is_no_video(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    (result,) = read("-")
    assert result.feed.problem.startswith("standard input: is a terminal; wanted a video")


def test_a_slow_source_does_not_hold_up_another_one(tmp_path, pipe):
    path = tmp_path / "clip.avi"
    path.write_bytes(video("avi", codec="mjpeg"))
    content, order = video("mpegts"), []
    pipe(content[:60000], 0.3, content[60000:])
    for feed, frame in feeds_in_turn(
        [source_of("-"), source_of(str(path))], PATIENCE, 1, None, 2, lambda *_: None, bool
    ):
        order += [feed.source.name] if frame is None else []
    assert order == [str(path), "-"]


def test_files_wait_for_their_turn(tmp_path):
    paths = [tmp_path / f"{i}.avi" for i in range(3)]
    for path in paths:
        path.write_bytes(video("avi", frames=20, codec="mjpeg"))
    order = []
    sources = [source_of(str(path)) for path in paths]
    for feed, _ in feeds_in_turn(sources, PATIENCE, 1, None, 2, lambda *_: None, bool):
        order.append(sources.index(feed.source))
    assert order == sorted(order) and len(order) == 63


def test_a_stop_is_heard_while_a_source_is_silent(pipe):
    pipe(3.0)
    began = time.monotonic()
    found = list(
        feeds_in_turn([source_of("-")], Patience(), 1, None, 2, lambda *_: None, lambda: time.monotonic() > began + 0.3)
    )
    assert [frame for _, frame in found] == [None] and time.monotonic() - began < 2
