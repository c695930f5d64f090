"""Clips read by several threads before they are needed, and given out in the order that was asked for.

The workers are threads, not processes. PyAV, OpenCV, Pillow and NumPy work without Python's lock, so threads read in
parallel; nothing is pickled or copied; and a killed training leaves no worker behind. A clip does not depend on who
reads it (see `ClipReader`), so neither the number of threads nor their timing changes a result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol


class Readable(Protocol):
    """Anything that gives an item for a key, such as a ClipReader."""

    def __getitem__(self, key: Any) -> Any: ...


def read_ahead(reader: Readable, keys: Iterable, workers: int = 2, ahead: int | None = None) -> Generator:
    """Yield `reader[key]` for each key, in the order of the keys.

    `workers` threads read at most `ahead` clips before they are needed; None for two clips a thread. With 0 workers a
    clip is read when it is needed. An error is raised in the place of its clip. Raises ValueError for workers below 0.
    """
    if workers < 0:
        raise ValueError(f"workers: got {workers}, wanted 0 or more")
    if workers == 0:
        for key in keys:
            yield reader[key]
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="clips")
    waiting: deque[Future] = deque()
    try:
        for key in keys:
            waiting.append(pool.submit(reader.__getitem__, key))
            if len(waiting) > (ahead or 2 * workers):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
