"""Checkpoints whose inner layers are looked at, which exports do not show."""

from __future__ import annotations

import os

from paddle_tsm.checkpoint.trained_file import trained_file
from paddle_tsm.layouts.network_file import NetworkFile, read_network

ONE_VIEW = {"sampling": "uniform", "crops": "centre"}  # one clip over the whole video, and one crop


def read_with_layers(path: str | os.PathLike, **options) -> NetworkFile:
    """`read_network`, and for a folder of a training its checkpoint. Raises ValueError for an export."""
    path = trained_file(path)
    if os.path.isdir(path):
        raise ValueError(
            f"{path}: is an export, which has no inner layers; wanted the checkpoint that it was made from"
        )
    return read_network(path, **options)
