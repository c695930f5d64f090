"""The shift of a residual stream that lies in parts (see `stream_parts.py`): one class for each runtime, and one for a
step of a stream, in which every frame comes by itself.

Each is called with the stream in the parts `ranges` and with one of `frame_moves.Moves`, and returns the shifted stream
in the same parts. Where a fold has fewer channels than `least_fold`, the convolutions around the shift are not cut: the
parts are split off and joined again, which costs less. The limits are the quickest that were measured for each runtime
(docs/measurements/export.md).
"""

from __future__ import annotations

from math import gcd

import numpy as np
import paddle
from paddle import Tensor

from paddle_tsm.export.frame_moves import FrameMoves, Moves, RememberedFolds
from paddle_tsm.export.stream_parts import Ranges, not_empty
from paddle_tsm.models.block import Block
from paddle_tsm.models.layers.shift import Shift, fold_ends
from paddle_tsm.models.stream import RememberingShift


class StreamShift:
    """What all have in common.

    shift: the trained block's. channels: of the stream. time_major: whether frames lie time-major. ranges: the parts.
    in_parts: whether the convolutions around are cut into these parts. moves_any: whether any channel moves.
    sums_apart: whether the runtime is quicker where it adds the shortcut behind the last convolution, and not in it.
    """

    time_major: bool
    least_fold: int
    sums_apart = False
    ranges: Ranges

    def __init__(self, shift: Shift | RememberingShift, channels: int):
        order = shift.shift_order if isinstance(shift, Shift) else "causal"
        self.first, self.second = fold_ends(channels, shift.shift_div, order)
        self.in_parts = self.first >= self.least_fold
        self.moves_any = self.second > 0
        # where the first fold comes from: 1, the next frame, or -1, the previous one
        self.direction = 1 if order == "future_first" else -1

    def __call__(self, stream: list[Tensor], moves: Moves) -> list[Tensor]:
        raise NotImplementedError


class TimeMajorShift(StreamShift):
    """For Paddle Inference: each fold is a part, and moves along the first axis of time-major frames."""

    time_major, least_fold, sums_apart = True, 32, True

    def __init__(self, shift: Shift | RememberingShift, channels: int):
        super().__init__(shift, channels)
        first, second = self.first, self.second
        self.ranges = not_empty((second, channels), (0, first), (first, second))
        self.directions = [
            0 if start >= second else self.direction if start < first else -self.direction for start, _ in self.ranges
        ]

    def __call__(self, stream: list[Tensor], moves: Moves) -> list[Tensor]:
        assert isinstance(moves, FrameMoves)
        folds = dict(zip(self.directions, stream, strict=True))
        if len(folds) == 3 and folds[1].shape[1] == folds[-1].shape[1]:
            folds[1], folds[-1] = moves.move_both(folds[1], folds[-1])
            return [folds[direction] for direction in self.directions]
        return [moves.move(part, direction) if direction else part for part, direction in zip(stream, self.directions)]


class GatherShift(StreamShift):
    """For ONNX Runtime: both folds are one part. A row is one fold of one frame, and the rows are gathered.

    One gather, and one copy that puts a row of zeros behind the others, cost less than ONNX Runtime's Pad, Slice and
    Concat along the frames.
    """

    time_major, least_fold = False, 16

    def __init__(self, shift: Shift | RememberingShift, channels: int):
        super().__init__(shift, channels)
        first, second = self.first, self.second
        self.ranges = not_empty((second, channels), (0, second))
        self.row_channels = gcd(first, second) or 1
        rows = second // self.row_channels  # of a frame
        self.directions = np.where(np.arange(rows) < first // self.row_channels, 1, -1) * self.direction

    def __call__(self, stream: list[Tensor], moves: Moves) -> list[Tensor]:
        assert isinstance(moves, FrameMoves)
        *rest, folds = stream
        return [*rest, self.gathered(folds, moves.segments)]

    def gathered(self, x: Tensor, segments: int) -> Tensor:
        """x: [N*T, C, H, W], of which all channels move."""
        _, c, h, w = x.shape
        rows = x.reshape([-1, segments * len(self.directions), self.row_channels * h * w])  # [N, T*folds, C/folds*H*W]
        rows = paddle.concat([rows, paddle.zeros_like(rows[:, :1])], 1)
        source = paddle.to_tensor(self.sources(segments))
        return paddle.index_select(rows, source, 1).reshape([-1, c, h, w])  # [N*T, C, H, W]

    def sources(self, segments: int) -> np.ndarray:
        """Which row each row of the result is, [T*folds]; beyond the clip's ends it is the last, the one of zeros."""
        folds = len(self.directions)
        frame, fold = np.arange(segments)[:, None] + self.directions, np.arange(folds)
        inside = (frame >= 0) & (frame < segments)
        return np.where(inside, frame * folds + fold, segments * folds).reshape(-1)


class RememberedShift(StreamShift):
    """For one frame of a stream: the fold is a part, in whose place the last frame's is read."""

    time_major, least_fold = False, 32

    def __init__(self, shift: Shift | RememberingShift, channels: int):
        super().__init__(shift, channels)
        self.ranges = not_empty((self.first, channels), (0, self.first))

    def __call__(self, stream: list[Tensor], moves: Moves) -> list[Tensor]:
        assert isinstance(moves, RememberedFolds)
        *rest, fold = stream
        return [*rest, moves.exchange(fold)]


def stream_shift(block: Block, channels: int, shift_class: type[StreamShift]) -> StreamShift | None:
    """The shift of a block that reads `channels` channels; None where nothing moves."""
    shift = None if block.shift is None else shift_class(block.shift, channels)
    return shift if shift is not None and shift.moves_any else None
