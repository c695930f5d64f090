"""A source that is no file, copied to a temporary file, so that it is read as every other file is."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from paddle_tsm.sources.address_copy import AddressCopy, NoFile
from paddle_tsm.sources.pipe_reader import PipeReader
from paddle_tsm.sources.source_events import SourceEvents
from paddle_tsm.sources.source_patience import Patience
from paddle_tsm.sources.video_sources import ADDRESS, PIPE, VideoSource

BLOCK = 1 << 16  # bytes read at a time


@contextlib.contextmanager
def as_file(source: VideoSource, patience: Patience, events: SourceEvents) -> Iterator[str]:
    """Yield the path of a file that holds the source: its own, or that of a copy, which is removed afterwards.

    Raises NoFile for a camera and for an address that is no file, ValueError that names a source which is empty,
    refuses, or ends too early, and OSError where the copy cannot be written.
    """
    if source.path is not None:
        yield source.path
        return
    with tempfile.TemporaryDirectory(prefix="paddle-tsm-") as folder:
        path = os.path.join(folder, "video")
        with open(path, "wb") as file:
            if source.kind == PIPE:
                copy_pipe(source, file, patience, events)
            elif source.kind == ADDRESS and source.name.lower().startswith(("http://", "https://")):
                AddressCopy(source, file, patience, events).run()
            else:
                raise NoFile(source.shown)
        yield path


def copy_pipe(source: VideoSource, file: BinaryIO, patience: Patience, events: SourceEvents) -> None:
    """Copy standard input to its end. Raises ValueError where it is empty, or nothing comes for too long."""
    pipe = PipeReader(patience.timeout, events.stopped)
    try:
        while block := pipe.read(BLOCK):
            file.write(block)
            events.heard()
    except TimeoutError as error:
        raise ValueError(f"{source.shown}: {error}; it is given up") from None
    if file.tell() == 0:
        raise ValueError(f"{source.shown}: is empty; wanted a video")
