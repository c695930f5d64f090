"""Live sources: cameras and addresses without an end, which drop late frames and are connected to again."""

import time

import cv2
import numpy as np
import pytest

from paddle_tsm.sources import source_decoder
from paddle_tsm.sources.source_patience import Patience
from parity_tests.http_videos import send, served, silent
from parity_tests.read_sources import read
from parity_tests.small_videos import video

pytestmark = pytest.mark.usefixtures("no_pauses")


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
    assert [frame.number for frame in result.frames][-1] == 29, "the newest frame is kept"
    assert [frame.number for frame in read(path, slow=0.002)[0].frames] == list(range(30)), "a file waits"


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
