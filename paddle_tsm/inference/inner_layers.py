"""Checkpoints whose inner layers are looked at, which exports do not show."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from paddle_tsm.checkpoint.trained_file import trained_file
from paddle_tsm.layouts.network_file import NetworkFile, read_network

if TYPE_CHECKING:
    from paddle_tsm.models.recognizer import Recognizer

ONE_VIEW = {"sampling": "uniform", "crops": "centre"}  # one clip over the whole video, and one crop


def read_with_layers(path: str | os.PathLike, **options) -> NetworkFile:
    """`read_network`, and for a folder of a training its checkpoint. Raises ValueError for an export."""
    path = trained_file(path)
    if os.path.isdir(path):
        raise ValueError(
            f"{path}: is an export, which has no inner layers; wanted the checkpoint that it was made from"
        )
    return read_network(path, **options)


def model_of(found: NetworkFile) -> Recognizer:
    """The network of a checkpoint in Paddle, in evaluation mode."""
    from paddle_tsm.models.create import build  # imported here: checkpoints are read and checked without Paddle
    from paddle_tsm.models.load import assign_weights

    network, tensors = found.as_asked()
    model = assign_weights(build(network), tensors)
    model.eval()
    return model
