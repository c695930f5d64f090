"""The checkpoint that a folder stands for: what `paddle-tsm train` wrote there."""

from __future__ import annotations

import os

BEST, LAST = "best.safetensors", "last.safetensors"  # of a training's epochs
EXPORT = "tsm.json"  # a folder that holds it is an export


def trained_file(path: str | os.PathLike) -> str:
    """The network of a folder that `paddle-tsm train` wrote: its best epoch's or, where nothing was validated, its
    last one's. Every other path stays what it is: a file, an exported folder, or one that holds neither network.
    """
    path = os.fspath(path)
    if not os.path.isfile(os.path.join(path, EXPORT)):
        for name in (BEST, LAST):
            if os.path.isfile(file := os.path.join(path, name)):
                return file
    return path
