"""What goes into an exported network and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

import paddle


@dataclass(frozen=True)
class Ports:
    """inputs: name -> shape without the first axis, which is free. outputs: names. axis: what the first axis of the inputs
    counts. multiple: the number of frames that it must be a multiple of; the first output has one row for so many."""

    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    axis: str
    multiple: int = 1


def clip_ports(num_segments: int, size: tuple[int, int]) -> Ports:
    """Of an offline network: frames [N*T, 3, H, W] -> logits [N, K]. size: (H, W)."""
    return Ports({"frames": (3, *size)}, ("logits",), "frames", num_segments)


def stream_ports(step, size: tuple[int, int]) -> Ports:
    """Of one streaming step (a `paddle_tsm.models.stream.StreamStep`): frame [N, 3, H, W] and cache_0, ... [N, f, h, w], zeros
    before the first frame -> logits [N, K] and next_cache_0, ..., of the same shapes. size: (H, W)."""
    with paddle.no_grad():
        _, *cache = step(paddle.zeros([1, 3, *size]))
    folds = {f"cache_{i}": tuple(fold.shape[1:]) for i, fold in enumerate(cache)}
    return Ports({"frame": (3, *size)} | folds, ("logits", *(f"next_{name}" for name in folds)), "streams")
