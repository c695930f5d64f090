"""What `paddle-tsm demo` shows, on material that it makes itself: a clip and a checkpoint."""

from __future__ import annotations

import os
import tempfile

import cv2
import numpy as np

from paddle_tsm.checkpoint import write_checkpoint
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.registry import layout_named
from paddle_tsm.networks.network import Network


def draw_weights(network: Network, seed: int = 0) -> dict[str, np.ndarray]:
    """Canonical float32 tensors of a network that behaves like a trained one: activations keep their scale through
    every block, and no BatchNorm is the identity."""
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


def write_demo_checkpoint(path, network: Network, layout: str = "mmaction2", seed: int = 0) -> None:
    """Write drawn weights as a file that the layout's own system would have written."""
    target = layout_named(layout)
    tensors = draw_weights(network, seed)
    write_checkpoint(
        path, {entry.key: tensors[entry.canonical] for entry in expand(target, network)}, wrapper=target.wrapper
    )


def write_demo_video(path, frames: int = 60, size: tuple[int, int] = (320, 240), seed: int = 0) -> None:
    """Write an .mp4 in which a disc crosses a textured background: (width, height), 30 frames a second.

    Raises ValueError where OpenCV has no encoder for it.
    """
    width, height = size
    rng = np.random.default_rng(seed)
    background = cv2.resize(rng.integers(0, 160, (height // 16, width // 16, 3), dtype="uint8"), size)
    # OpenCV chooses the container by the suffix, so the temporary file keeps it
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path) or ".") as folder:
        temporary = os.path.join(folder, "clip.mp4")
        writer = cv2.VideoWriter(temporary, cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 30.0, size)
        if not writer.isOpened():
            raise ValueError(f"{path}: OpenCV cannot encode MPEG-4 here; wanted an opencv-python with FFmpeg")
        for i in range(frames):
            centre = (int(width * (0.1 + 0.8 * i / frames)), int(height * (0.5 + 0.3 * np.sin(i / 8))))
            writer.write(cv2.circle(background.copy(), centre, height // 8, (60, 200, 250), -1))
        writer.release()
        os.replace(temporary, path)
