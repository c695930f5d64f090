"""A server of files on this machine, as `python -m http.server` is one."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def served(folder: str | os.PathLike, headers: dict[str, str] | None = None) -> Iterator[str]:
    """The address of a server that shows the folder. headers: further ones of each answer."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, format, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
