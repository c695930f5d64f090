"""Two forms of the temporal shift: one that can be exported, and one that is fast in eager mode, forward and backward.

In both, `first` and `second` are the channels at which the two folds end (`shift.fold_ends`), and `direction` is the d
of the first fold: out[t] = x[t + d]. The second fold has -d.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import paddle
from paddle.autograd import PyLayer
from paddle.nn import functional as F


def shift_slices(x: paddle.Tensor, num_segments: int, first: int, second: int, direction: int) -> paddle.Tensor:
    """The shift of x, [N*T, C, H, W], from slices and concatenations, which every runtime of exported graphs has."""
    _, c, h, w = x.shape
    x = x.reshape([-1, num_segments, c, h, w])  # [N, T, C, H, W]
    blank = paddle.zeros_like(x[:, :1])

    def from_next(fold: slice) -> paddle.Tensor:
        return paddle.concat([x[:, 1:, fold], blank[:, :, fold]], axis=1)

    def from_previous(fold: slice) -> paddle.Tensor:
        return paddle.concat([blank[:, :, fold], x[:, :-1, fold]], axis=1)

    moves = (from_next, from_previous) if direction == 1 else (from_previous, from_next)
    folds = (slice(0, first), slice(first, second))
    parts = [move(fold) for move, fold in zip(moves, folds) if fold.stop > fold.start]
    return paddle.concat([*parts, x[:, :, second:]], axis=2).reshape([-1, c, h, w])  # [N*T, C, H, W]


class CopiedShift(PyLayer):
    """The shift as copies by several threads. Its gradient is the shift in the opposite direction.

    move: what copies, `copy_planes` or `onednn.shift.moved`. Raises ValueError for a number of frames that T does not
    divide. Paddle computes the gradient of a slice in one thread and fills a whole tensor with zeros for it, which is
    why `shift_slices` is slow backward.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: paddle.Tensor,
        move: Callable[..., paddle.Tensor],
        num_segments: int,
        first: int,
        second: int,
        direction: int,
    ) -> paddle.Tensor:
        if x.shape[0] % num_segments:
            wanted = f"a multiple of num_segments = {num_segments}"
            raise ValueError(f"temporal_shift: got {x.shape[0]} frames, wanted {wanted}")
        ctx.move, ctx.shift = move, (num_segments, first, second, direction)
        return move(x, *ctx.shift)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> paddle.Tensor:
        num_segments, first, second, direction = ctx.shift
        return ctx.move(gradient, num_segments, first, second, -direction)


def copy_planes(x: paddle.Tensor, num_segments: int, first: int, second: int, direction: int) -> paddle.Tensor:
    """The shift of x, [N*T, C, H, W], whose planes of H*W values are the rows that Paddle's embedding copies.

    The embedding gives zeros for its padding index.
    """
    n, c, h, w = x.shape
    source, padding = plane_sources(n, c, num_segments, first, second, direction)
    rows = x.reshape([n * c, h * w])
    return F.embedding(paddle.to_tensor(source, place=x.place), rows, padding_idx=padding).reshape([n, c, h, w])


@lru_cache(maxsize=256)
def plane_sources(
    frames: int, channels: int, num_segments: int, first: int, second: int, direction: int
) -> tuple[np.ndarray, int]:
    """Returns (sources, padding): the plane that each plane of the result copies, int64 [N*T*C], and the plane whose
    index stands for zeros.

    A plane's number is frame * C + channel. The padding is a plane that no other plane copies: the fold that takes
    frame t + 1 never takes frame 0, and the fold that takes frame t - 1 never takes frame T - 1.
    """
    frame, channel = np.arange(frames)[:, None], np.arange(channels)
    move = np.where(channel < first, direction, np.where(channel < second, -direction, 0))
    inside = (frame % num_segments + move >= 0) & (frame % num_segments + move < num_segments)
    dropped = 0 if move[0] == 1 else channels * (num_segments - 1)
    return np.where(inside, (frame + move) * channels + channel, dropped).reshape(-1), dropped
