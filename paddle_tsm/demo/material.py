"""The material of `paddle-tsm demo`: a drawn video and a drawn checkpoint, which other programs and tests use, too."""

from __future__ import annotations

import os

import cv2
import numpy as np

from paddle_tsm.checkpoint import write_checkpoint
from paddle_tsm.demo.settings import DISC_COLOUR, VIDEO_FRAMES, VIDEO_RATE, VIDEO_SIZE
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.registry import layout_named
from paddle_tsm.networks.network import Network
from paddle_tsm.videos.video_writer import complete_video


def draw_weights(network: Network, seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights, by canonical name: float32, BatchNorm's step counters int64.

    They behave like trained ones: the activations keep their scale through every block, and no BatchNorm is the
    identity.
    """
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in network.shapes().items():
        kind = name.rsplit(".", 1)[-1]
        if kind == "num_batches_tracked":
            tensors[name] = np.array(1000, "int64")
            continue
        values = rng.standard_normal(shape, dtype="float32")
        if kind == "running_var":
            values = 0.5 + rng.random(shape, dtype="float32")
        elif kind in ("running_mean", "bias"):
            values *= 0.1
        elif len(shape) == 1:  # BatchNorm's scale
            values = 0.2 + 0.4 * rng.random(shape, dtype="float32")
        else:
            values *= np.float32(np.sqrt(2 / np.prod(shape[1:])))
        tensors[name] = values
    return tensors


def write_demo_checkpoint(path: str | os.PathLike, network: Network, layout: str = "mmaction2", seed: int = 0) -> None:
    """Write the weights of `draw_weights` as the system of `layout` would have written them."""
    target = layout_named(layout)
    tensors = draw_weights(network, seed)
    write_checkpoint(
        path, {entry.key: tensors[entry.canonical] for entry in expand(target, network)}, wrapper=target.wrapper
    )


def write_demo_video(
    path: str | os.PathLike,
    frames: int = VIDEO_FRAMES,
    size: tuple[int, int] = VIDEO_SIZE,
    seed: int = 0,
) -> None:
    """Write a video of `size` (width, height) in which a disc crosses a textured background.

    Raises ValueError as `complete_video` does.
    """
    width, height = size
    rng = np.random.default_rng(seed)
    background = cv2.resize(rng.integers(0, 160, (height // 16, width // 16, 3), dtype="uint8"), size)
    with complete_video(path, VIDEO_RATE) as append:
        for i in range(frames):
            centre = (int(width * (0.1 + 0.8 * i / frames)), int(height * (0.5 + 0.3 * np.sin(i / 8))))
            append(cv2.circle(background.copy(), centre, height // 8, DISC_COLOUR, -1))
