"""Sources that are silent, damaged, cut off, of changing size, live or not there: what is said, and that all end."""

import os
import re
import sys
import threading
import time
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from paddle_tsm.data import frame_feed, source_decoder, source_patience
from paddle_tsm.data.feeds_in_turn import feeds_in_turn
from paddle_tsm.data.source_decoder import SourceDecoder
from paddle_tsm.data.source_patience import Patience
from paddle_tsm.data.video_file import read_frames
from paddle_tsm.data.video_sources import source_of
from parity_tests.http_videos import send, served, silent
from parity_tests.small_videos import video

PATIENCE = Patience(notice=0.15, timeout=0.4, tries=2)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(source_patience, "LONGEST_PAUSE", 0.05)


class Read:
    """What came of a source: its frames, its feed at the end, and what was told, in one string."""

    def __init__(self):
        self.frames, self.feed, self.told = [], None, ""


def read(*names, patience=PATIENCE, live=None, slow: float = 0.0, at_once: int = 4, seconds: float = 10) -> list[Read]:
    """What comes of each source, in less than so many seconds. slow: seconds that each frame takes."""
    sources = [source_of(str(name)) for name in names]
    found, began = {source: Read() for source in sources}, time.monotonic()

    def tell(source, text):
        found[source].told += f"{text}; "

    for feed, frame in feeds_in_turn(sources, patience, at_once, live, 2, tell, lambda: False):
        if frame is None:
            found[feed.source].feed = feed
        else:
            found[feed.source].frames.append(frame)
            time.sleep(slow)
    assert time.monotonic() - began < seconds
    return list(found.values())


@pytest.fixture
def pipe(monkeypatch):
    """A function that writes parts into standard input, and waits between them; at the end it closes it."""
    ours, its = os.pipe()
    opened = open(ours, "rb")
    monkeypatch.setattr(sys, "stdin", opened)

    def write(*parts):
        def run():
            for part in parts:
                time.sleep(part) if isinstance(part, float) else os.write(its, part)
            os.close(its)

        threading.Thread(target=run, daemon=True).start()

    yield write
    opened.close()


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


def test_live_frames_without_times_are_shown_when_they_come():
    """As those of a web camera: pictures one after the other, ten a second. FFmpeg would call them 25 a second."""
    picture = cv2.imencode(".jpg", np.zeros((48, 64, 3), "uint8"))[1].tobytes()

    def answer(handler):
        send(handler, b"", length=0, headers={"Content-Type": "multipart/x-mixed-replace; boundary=frame"})
        for _ in range(9):
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            handler.wfile.write(head.encode() + picture + b"\r\n")
            time.sleep(0.1)

    with served(answer) as address:
        (result,) = read(address, patience=Patience(notice=2.0, timeout=2.0, tries=0))
    times = [float(frame.time) for frame in result.frames]
    assert len(times) >= 6 and times == sorted(times) and times[-1] > 0.5


class Camera:
    """OpenCV's camera, which gives three frames and is then pulled out."""

    def __init__(self, number):
        self._left, self._number = 3, number

    def isOpened(self):
        return self._number == 0

    def get(self, _):
        return 10.0

    def read(self):
        self._left -= 1
        return self._left >= 0, np.full((48, 64, 3), (255, 0, 0), "uint8")  # blue, in OpenCV's order

    def release(self):
        self._left = None


def test_cameras(monkeypatch):
    monkeypatch.setattr(source_decoder.cv2, "VideoCapture", Camera)
    there, missing = read("0", "1")
    assert there.feed.rate == 10 and there.feed.problem == "camera 0: gives no frame any more"
    assert len(there.frames) + there.feed.late == 3 and there.frames[-1].rgb()[0, 0].tolist() == [0, 0, 255]
    assert missing.feed.problem == "camera 1: cannot be opened; wanted the number of one that is there"


def test_a_live_source_drops_what_comes_too_fast(tmp_path):
    path = tmp_path / "clip.avi"
    path.write_bytes(video("avi", codec="mjpeg"))
    (result,) = read(path, live=True, slow=0.02)
    assert result.feed.late > 0 and result.feed.late + len(result.frames) == 30
    assert numbers(result)[-1] == 29, "the newest frame is kept"
    assert numbers(read(path, slow=0.002)[0]) == list(range(30)), "a file waits"


def streaming(*parts):
    """A server's answers without a length: what it sends, and how long it then keeps silent. The first question asks
    whether there is a file; when all is sent, the server refuses.
    """
    left = iter([(b"", 0.0), *parts])

    def answer(handler):
        part, seconds = next(left, (None, 0.0))
        if part is None:
            handler.send_error(503)
            return
        send(handler, part, length=0)
        silent(handler, seconds)

    return answer


def test_an_address_without_an_end_is_connected_to_again():
    content = video("mpegts")
    with served(streaming((content, 2.0), (content, 2.0), (content, 0.0))) as address:
        (result,) = read(address + "live.ts", patience=Patience(notice=0.15, timeout=0.4, tries=3))
    assert result.told.count("nothing came for 0.4 s; connects again") == 2
    assert "ended; connects again, try 3 of 3" in result.told and result.feed.problem == ""
    assert result.told.endswith("Server returned 5XX Server Error reply; 3 more tries were in vain; ")
    assert len(result.frames) + result.feed.late > 70
    times = [frame.time for frame in result.frames]
    assert times == sorted(set(times)) and times[-1] > 3, "time goes on while nothing comes"


def test_and_given_up_after_some_tries():
    with served(streaming(*[(video("mpegts"), 2.0)] * 9)) as address:
        (result,) = read(address + "live.ts", patience=Patience(notice=0.2, timeout=0.4, tries=1))
    assert result.feed.problem.endswith("nothing came for 0.4 s; 1 more try was in vain")
    assert len(result.frames) > 10


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
