"""A local server for tests of addresses, which breaks off, stalls or streams as a test asks for."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def served(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Yield the address of a server that calls `answer(handler)` for each GET; its path begins behind the slash."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            with contextlib.suppress(ConnectionError):
                answer(self)

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def send(handler, content: bytes, status: int = 200, length: int | None = None, headers: dict | None = None) -> None:
    """Send the content. length: what Content-Length says; 0 for none."""
    handler.send_response(status)
    length = len(content) if length is None else length
    for name, value in (({"Content-Length": str(length)} if length else {}) | (headers or {})).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)


def ranged(handler, content: bytes, most: int) -> None:
    """Send at most `most` bytes from where the request asks, and then break off."""
    at = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    send(handler, content[at : at + most], 206 if at else 200, len(content) - at)


def silent(handler, seconds: float) -> None:
    """Keep the connection, and send nothing."""
    time.sleep(seconds)
