"""The file at an address is copied whole, and goes on where the connection breaks off; nothing waits for ever."""

import base64
import time

import pytest

from paddle_tsm.sources import source_patience
from paddle_tsm.sources.address_copy import NoFile
from paddle_tsm.sources.copied_source import as_file
from paddle_tsm.sources.source_events import SourceEvents
from paddle_tsm.sources.source_patience import Patience
from paddle_tsm.sources.video_sources import source_of
from parity_tests.http_videos import ranged, send, served, silent

CONTENT = bytes(range(256)) * 2000
PATIENCE = Patience(timeout=0.4, tries=2)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(source_patience, "LONGEST_PAUSE", 0.01)


def copied(answer, told=None) -> bytes:
    """What is copied from a server that gives this answer. Nothing here may last longer than five seconds."""
    began = time.monotonic()
    try:
        with served(answer) as address:
            events = SourceEvents([].append if told is None else told.append, lambda: None, lambda: False)
            with as_file(source_of(address + "clip.mp4"), PATIENCE, events) as path, open(path, "rb") as f:
                return f.read()
    finally:
        assert time.monotonic() - began < 5


def test_the_whole_file():
    told = []
    assert copied(lambda handler: send(handler, CONTENT), told) == CONTENT and told == []


def test_it_goes_on_where_it_broke_off():
    told, asked = [], []

    def answer(handler):
        asked.append(handler.headers.get("Range"))
        ranged(handler, CONTENT, 200_000)

    assert copied(answer, told) == CONTENT
    assert asked == [None, "bytes=200000-", "bytes=400000-"]
    assert told[0] == "the connection was closed after 200000 of 512000 bytes; connects again"


def test_a_server_that_knows_no_ranges_begins_anew():
    sizes = iter([100_000, len(CONTENT)])
    assert copied(lambda handler: send(handler, CONTENT[: next(sizes)], length=len(CONTENT))) == CONTENT


def test_one_that_always_breaks_off_is_given_up():
    with pytest.raises(ValueError, match="closed after 100000 of 512000 bytes; 2 more tries were in vain"):
        copied(lambda handler: send(handler, CONTENT[:100_000], length=len(CONTENT)))


def test_one_that_falls_silent_is_given_up():
    def answer(handler):
        send(handler, CONTENT[:1000], length=len(CONTENT))
        silent(handler, 2)

    with pytest.raises(ValueError, match="nothing came for 0.4 s after 1000 of 512000 bytes"):
        copied(answer)


def test_one_that_refuses_is_not_asked_again():
    asked = []

    def answer(handler):
        asked.append(1)
        handler.send_error(404, "Not here")

    with pytest.raises(ValueError, match=r"^http://127.0.0.1:\d+/clip.mp4: the server answers 404 Not here$"):
        copied(answer)
    assert len(asked) == 1


def test_a_password_goes_into_the_header_and_into_no_message():
    def answer(handler):
        known = handler.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:top/secret").decode()
        send(handler, CONTENT) if known and handler.path == "/clip.mp4" else handler.send_error(404)

    with served(answer) as address:
        for path in ("clip.mp4", "other.mp4"):
            source = source_of(address.replace("://", "://me:top%2Fsecret@") + path)
            try:
                with as_file(source, PATIENCE, SourceEvents(print, list, bool)) as copy, open(copy, "rb") as file:
                    assert file.read() == CONTENT and path == "clip.mp4"
            except ValueError as error:
                assert path == "other.mp4" and "me:***@" in str(error) and "secret" not in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        lambda handler: send(handler, b"#EXTM3U\n#EXT-X-VERSION:3\n"),
        lambda handler: send(handler, CONTENT, length=0),
    ],
    ids=["a playlist", "without a length"],
)
def test_what_is_no_file(answer):
    with pytest.raises(NoFile):
        copied(answer)


def test_the_copy_is_removed():
    with served(lambda handler: send(handler, CONTENT)) as address:
        with as_file(source_of(address), PATIENCE, SourceEvents(print, list, bool)) as path:
            pass
    with pytest.raises(FileNotFoundError):
        open(path)
