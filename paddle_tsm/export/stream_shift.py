"""The shift of a residual stream that lies in parts (see `parts.py`): one way for each runtime, each the quickest known
there.

Both are called with the stream in their `ranges` and with `frames.Frames`, and return the moved stream in the same
parts. `in_parts`: whether the convolutions around are cut, too; else the parts are split off and put together again,
which costs less where a fold has fewer channels than `least_fold`: ResNet-50 is quickest with 16 or 32 for either
runtime (10000, no cuts: 1 to 3 % slower with Paddle Inference, 9 % with ONNX Runtime), MobileNetV2 wants few cuts (8
instead of 64: 4 to 8 % slower).
"""

from __future__ import annotations

from math import gcd

import numpy as np
import paddle

from paddle_tsm.export.frame_moves import Frames
from paddle_tsm.export.stream_parts import parts_of
from paddle_tsm.models.layers.shift import fold_ends


def first_direction(shift) -> int:
    """Where the first fold comes from: 1, the next frame, or -1."""
    return 1 if shift.shift_order == "future_first" else -1


class MovedFrames:
    """For Paddle Inference: each fold a part, moved along the first axis of time-major frames. shift: a
    `models.layers.shift.Shift`.
    """

    time_major, least_fold = True, 32

    def __init__(self, shift, channels: int):
        first, second = fold_ends(channels, shift.shift_div, shift.shift_order)
        self.ranges = parts_of((second, channels), (0, first), (first, second))
        self.in_parts = first >= self.least_fold
        self.moves_any = second > 0
        direction = first_direction(shift)
        self.moves = [0 if a >= second else direction if a < first else -direction for a, _ in self.ranges]

    def __call__(self, stream: list, frames: Frames) -> list:
        return [frames.move(part, move) if move else part for part, move in zip(stream, self.moves)]


class GatheredRows:
    """For ONNX Runtime: both folds one part, whose rows, a fold of a frame each, are gathered from where they were.

    One gather and one copy to put a row of zeros behind it; ONNX Runtime's Pad, Slice and Concat along frames cost 3 %
    more.
    """

    time_major, least_fold = False, 16

    def __init__(self, shift, channels: int):
        first, second = fold_ends(channels, shift.shift_div, shift.shift_order)
        self.ranges = parts_of((second, channels), (0, second))
        self.in_parts = first >= self.least_fold
        self.moves_any = second > 0
        self.unit = gcd(first, second) or 1  # channels of a row
        folds = second // self.unit
        self.move = np.where(np.arange(folds) < first // self.unit, 1, -1) * first_direction(shift)

    def __call__(self, stream: list, frames: Frames) -> list:
        *rest, folds = stream
        return [*rest, self.gathered(folds, frames.segments)]

    def gathered(self, x, segments: int):
        """x: [N*T, C, H, W], all of whose channels move."""
        _, c, h, w = x.shape
        rows = x.reshape([-1, segments * len(self.move), self.unit * h * w])  # [N, T*folds, C/folds*H*W]
        rows = paddle.concat([rows, paddle.zeros_like(rows[:, :1])], 1)
        source = paddle.to_tensor(self.sources(segments))
        return paddle.index_select(rows, source, 1).reshape([-1, c, h, w])  # [N*T, C, H, W]

    def sources(self, segments: int) -> np.ndarray:
        """The row that each row of the result is; beyond the clip's ends the one of zeros, which is the last. [T*folds]"""
        frame, fold = np.arange(segments)[:, None] + self.move, np.arange(len(self.move))
        inside = (frame >= 0) & (frame < segments)
        return np.where(inside, frame * len(self.move) + fold, segments * len(self.move)).reshape(-1)


def stream_shift(block, channels: int, way):
    """The shift of a block that reads `channels` channels; None where nothing moves."""
    shift = None if block.shift is None else way(block.shift, channels)
    return shift if shift is not None and shift.moves_any else None
