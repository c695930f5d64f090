"""The online network, one frame at a time. Every causal shift keeps one fold of the last frame for the next one.

On the frames of a clip, its logits are those of the causal network on the whole clip, frame for frame.
Source: arXiv:1811.08383, section 3.4; MIT online_demo/mobilenet_v2_tsm.py 1f6a834.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import paddle
from paddle import nn

from paddle_tsm.layouts.network_file import NetworkFile, interpret, read_network
from paddle_tsm.models.create import build
from paddle_tsm.models.layers.shift import Shift, fold_ends
from paddle_tsm.models.load import assign_weights
from paddle_tsm.networks.block_channels import channels_read
from paddle_tsm.networks.network import Network
from paddle_tsm.onednn.shift import with_fold
from paddle_tsm.onednn.tensors import is_channels_last, needs_gradient, serves


class RememberingShift(nn.Layer):
    """The causal shift of a stream: out = concat(previous, x[:, f:]), f = C // shift_div.

    Each call then keeps x[:, :f] as `previous` for the next frame. For the first frame, `previous` is zeros.
    """

    previous: paddle.Tensor | None

    def __init__(self, shift_div: int):
        super().__init__()
        self.shift_div = shift_div
        self.remember(None)

    def remember(self, fold: paddle.Tensor | None) -> None:
        """Make `fold`, [N, f, h, w], the previous frame's; None: there was no previous frame."""
        object.__setattr__(self, "previous", fold)  # the __setattr__ of a layer would turn it into a buffer

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """x: [N, C, h, w], one frame of each of N streams; returns the same shape."""
        end, _ = fold_ends(x.shape[1], self.shift_div, "causal")
        fold = x[:, :end]
        previous = paddle.zeros_like(fold) if self.previous is None else self.previous
        self.remember(fold)
        if end and serves(x) and previous.dtype == x.dtype and is_channels_last(x) and not needs_gradient(x):
            return with_fold(x, previous)
        return paddle.concat([previous, x[:, end:]], axis=1)


class StreamStep(nn.Layer):
    """One frame's step, as a function without state: (frame, *cache) -> (logits, *cache). It can be exported.

    tensors: the canonical tensors of `network`. A block of fewer channels than `shift_div` shifts none, and so keeps
    nothing for the next step. Raises ValueError for a network that needs frames of the future.
    """

    def __init__(self, network: Network, tensors: dict[str, np.ndarray]):
        super().__init__()
        check_streams(network)
        self.network = network
        self.model = assign_weights(build(network.with_options(num_segments=1, shift_segments=None)), tensors)
        self.shifts: list[RememberingShift] = []
        for stage, blocks in enumerate(self.model.blocks_of_stages().values(), 1):
            for number, block in enumerate(blocks):
                if isinstance(getattr(block, "shift", None), Shift):
                    block.shift = None
                    if channels_read(network, stage, number) >= network.shift_div:
                        block.shift = RememberingShift(network.shift_div)
                        self.shifts.append(block.shift)
        self.eval()

    def forward(self, frame: paddle.Tensor, *cache: paddle.Tensor) -> tuple[paddle.Tensor, ...]:
        """frame: [N, 3, H, W]; cache: the fold of each shift, [N, f, h, w], or nothing for the first frame.

        Returns the frame's logits, [N, num_classes], and the cache for the next step.
        """
        for shift, fold in zip(self.shifts, cache or [None] * len(self.shifts), strict=True):
            shift.remember(fold)
        logits = self.model.frame_logits(frame)
        return (logits, *(shift.previous for shift in self.shifts))


class Stream:
    """A StreamStep and its cache. Call `step` for one frame after the other, and `reset` before a new video."""

    def __init__(self, step: StreamStep):
        self._step = step
        self._shape: tuple[int, ...] = ()  # of the frames so far
        self.reset()

    def reset(self) -> None:
        """Forget all frames, so that the next one is the first of a video."""
        self._cache: tuple = ()

    @paddle.no_grad()
    def step(self, frame: paddle.Tensor) -> paddle.Tensor:
        """frame: [N, 3, H, W], the next frame of each of N streams. Returns its logits, [N, num_classes].

        Raises ValueError for another shape, and where N, H or W differ from those of the first frame.
        """
        shape = tuple(frame.shape)
        channels = self._step.network.in_channels
        if len(shape) != 4 or shape[1] != channels:
            raise ValueError(f"frame: got shape {list(shape)}, wanted [N, {channels}, H, W]")
        if self._cache and shape != self._shape:
            raise ValueError(f"frame: got shape {list(shape)} after {list(self._shape)}; reset() before another video")
        self._shape = shape
        logits, *cache = self._step(frame, *self._cache)
        self._cache = tuple(cache)
        return logits


def load_stream(path: str | os.PathLike, layout: str = "auto", **options: Any) -> Stream:
    """The causal network in the file `path`, ready for the first frame. The arguments are those of `load_model`.

    Give `shift_order="causal"` where the network is causal and the file cannot say so. Raises ValueError, in one line,
    for a network that is not causal.
    """
    return Stream(step_from_file(read_network(path, layout=layout, **options)))


def step_from_file(found: NetworkFile) -> StreamStep:
    """The StreamStep of the network in a file. Raises ValueError, naming the file, where the network is not causal."""
    check_file_streams(found)
    return StreamStep(*found.as_asked())


def check_file_streams(found: NetworkFile) -> None:
    """Raise ValueError, with advice, unless the network can run on a stream in the shift order that was asked for."""
    try:
        check_streams(found.asked_network())
    except ValueError as error:
        raise ValueError(f"{found.checkpoint.path}: {error}{causal_advice(found)}") from None


def causal_advice(found: NetworkFile) -> str:
    """Advice for a file whose keys fit a causal network, too, so that only the caller knows whether it is one.

    "" where the file records its shift order, and where its system has no causal networks.
    """
    if found.asked_order == "causal" or found.record.options:
        return ""
    try:
        options = found.network.options() | {"shift_order": "causal"}
        interpret(found.checkpoint, found.layout.name, edits=found.named.edits, **options).asked_network()
    except ValueError:
        return ""
    return "; where the file holds one, say so: --shift-order causal (shift_order='causal' in Python)"


def check_streams(network: Network) -> None:
    """Raise ValueError where a frame's logits need frames that come after it."""
    if network.is_shift and network.shift_order != "causal":
        raise ValueError(
            f"a {network.shift_order} network needs the next frame; wanted a network with the causal shift, which "
            "`paddle-tsm train --set shift_order=causal` trains"
        )
    if network.temporal_pool or network.non_local is not None:
        what = "temporal pooling" if network.temporal_pool else "non-local blocks"
        raise ValueError(f"{what} look at frames of the future; wanted a network without {what}")
    if network.temporal_attention:
        raise ValueError("temporal attention looks at all frames of a clip; wanted a network without it")
    if network.shift_segments is not None:
        raise ValueError(f"shift_segments: got {network.shift_segments}, but a stream has no groups; wanted None")
