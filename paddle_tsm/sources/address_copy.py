"""The file at an http address, copied to the disk. Where the connection breaks off, the copy goes on behind it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import BinaryIO

from paddle_tsm.sources.source_events import SourceEvents
from paddle_tsm.sources.source_patience import Patience
from paddle_tsm.sources.video_sources import VideoSource

BLOCK = 1 << 16  # bytes read at a time
LARGE = 50_000_000  # bytes; a copy of so many is told, because it takes a while
PLAYLIST = (b"#EXTM3U", b"<?xml", b"<MPD")  # HLS and DASH name the pieces of a video, which FFmpeg fetches by itself


class NoFile(ValueError):
    """What is at an address has no end that is known, or names pieces of a video: it is read as it comes."""


class Broken(Exception):
    """A connection that could not be made, or broke off; the reason is its text."""


class AddressCopy:
    """Copies what is at an http address into an open file."""

    def __init__(self, source: VideoSource, file: BinaryIO, patience: Patience, events: SourceEvents):
        self._source, self._file, self._patience, self._events = source, file, patience, events
        self._length = 0  # bytes that there are; 0 before the first answer

    def run(self) -> None:
        """Copy all of it. Raises NoFile, and ValueError where the address refuses or breaks off again and again."""
        most = tried = 0
        while True:
            try:
                self._read_on()
                return
            except Broken as error:
                reason = str(error)
            if not self._length:  # there never was a connection: the address is wrong, or nobody is there
                raise ValueError(f"{self._source.shown}: {reason}")
            tried = 1 if self._file.tell() > most else tried + 1
            most = max(most, self._file.tell())
            if self._events.stopped() or tried > self._patience.tries:
                reason = f"{reason} after {most} of {self._length} bytes{self._patience.in_vain}"
                raise ValueError(f"{self._source.shown}: {reason}")
            self._events.tell(f"{reason} after {most} of {self._length} bytes; connects again")
            time.sleep(self._patience.pause(tried))

    def _read_on(self) -> None:
        """Read from the first missing byte to the end. Raises Broken and NoFile."""
        at = self._file.tell()
        address, headers = with_user(self._source.name)
        request = urllib.request.Request(address, headers=headers | ({"Range": f"bytes={at}-"} if at else {}))
        with contextlib.closing(self._answer(request)) as answer:
            if answer.status != 206:  # the whole of it, whatever was asked for
                at = 0
                self._file.seek(0)
                self._file.truncate()
            length = answer.headers.get("Content-Length")
            if not length:
                raise NoFile(self._source.shown)
            self._length = at + int(length)
            while not self._events.stopped() and (block := self._block(answer)):
                if self._file.tell() == 0 and block.lstrip().startswith(PLAYLIST):
                    raise NoFile(self._source.shown)
                if self._file.tell() == 0 and self._length >= LARGE:
                    self._events.tell(f"copies {self._length / 1e6:.0f} MB first")
                self._file.write(block)
                self._events.heard()
        if self._file.tell() < self._length:
            raise Broken("the connection was closed")

    def _answer(self, request: urllib.request.Request):
        try:
            return urllib.request.urlopen(request, timeout=self._patience.timeout)
        except urllib.error.HTTPError as error:
            if error.code == 401 and request.has_header("Authorization"):
                raise NoFile(self._source.shown) from None  # FFmpeg knows more ways to say a password
            raise Broken(f"the server answers {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Broken(str(getattr(error, "reason", error)) or "no answer") from None

    def _block(self, answer) -> bytes:
        try:
            return answer.read1(BLOCK)  # what is there, without waiting for a whole block
        except TimeoutError:
            raise Broken(f"nothing came for {self._patience.timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise Broken(str(error) or "the connection was closed") from None


def with_user(address: str) -> tuple[str, dict[str, str]]:
    """(the address without the user and the password in it, the header that says them), as a browser sends them."""
    parts = urllib.parse.urlsplit(address)
    user, _, host = parts.netloc.rpartition("@")
    if not user:
        return address, {}
    said = base64.b64encode(urllib.parse.unquote(user).encode()).decode()
    return parts._replace(netloc=host).geturl(), {"Authorization": f"Basic {said}"}
