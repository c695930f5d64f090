"""The temporal shift of a tensor that lies channels last, as copies of folds: of clips, and of a stream's frame."""

from __future__ import annotations

import ctypes

import numpy as np
import paddle

from paddle_tsm.onednn.primitive import Reorder, kept_per_thread, strided
from paddle_tsm.onednn.tensors import channels_last, empty

BYTES = 4  # of a float32


class Copies:
    """out[t] = x[t + d] in each fold, x: [clips * T, C, H, W]. `first`, `second`, `direction`: as in shift_kernels."""

    def __init__(self, shape: tuple[int, ...], num_segments: int, first: int, second: int, direction: int):
        frames, c, h, w = shape
        self.clips = frames // num_segments, num_segments, h * w, c
        self.blank: list[tuple[int, slice]] = []  # (frame, channels) that no frame is copied to
        self.moved: list[tuple[Reorder, int, int]] = []  # (copy, its first byte in x, its first byte in out)
        folds = ((slice(0, first), direction), (slice(first, second), -direction), (slice(second, c), 0))
        for channels, move in folds:
            width, kept = channels.stop - channels.start, num_segments - abs(move)
            if width == 0:
                continue
            if move:
                self.blank.append((num_segments - 1 if move == 1 else 0, channels))
            if kept:
                part = strided((frames // num_segments, kept * h * w, width), (num_segments * h * w * c, c, 1))
                source, target = (max(side, 0) * h * w * c + channels.start for side in (move, -move))
                self.moved.append((Reorder(part, part), BYTES * source, BYTES * target))

    def __call__(self, x: int, out: int) -> None:
        for copy, source, target in self.moved:
            copy(x + source, out + target)
        size = int(np.prod(self.clips))
        values = np.ctypeslib.as_array((ctypes.c_float * size).from_address(out)).reshape(self.clips)
        for frame, channels in self.blank:
            values[:, frame, :, channels] = 0


copies = kept_per_thread(Copies)


def moved(x: paddle.Tensor, num_segments: int, first: int, second: int, direction: int) -> paddle.Tensor:
    """The shift of x, [N*T, C, H, W], channels last."""
    x, out = channels_last(x), empty(x.shape)
    copies(tuple(x.shape), num_segments, first, second, direction)(x.data_ptr(), out.data_ptr())
    return out


class Joined:
    """out = concat(fold, x[:, f:]), channels last. shape: of x, [N, C, h, w]. width: f. strides: of the fold."""

    def __init__(self, shape: tuple[int, ...], width: int, strides: tuple[int, ...]):
        n, c, h, w = shape
        last = (h * w * c, 1, w * c, c)
        self.start = BYTES * width  # of the channels that stay, in x and in out
        self.remembered = Reorder(strided((n, width, h, w), strides), strided((n, width, h, w), last))
        stays = strided((n, c - width, h, w), last)
        self.stays = Reorder(stays, stays) if c > width else None

    def __call__(self, fold: int, x: int, out: int) -> None:
        self.remembered(fold, out)
        if self.stays is not None:
            self.stays(x + self.start, out + self.start)


joined = kept_per_thread(Joined)


def with_fold(x: paddle.Tensor, fold: paddle.Tensor) -> paddle.Tensor:
    """x, [N, C, h, w], channels last, with its first channels replaced by `fold`, [N, f, h, w]; without a gradient."""
    shape, width = tuple(x.shape), fold.shape[1]
    out = empty(shape)
    joined(shape, width, tuple(fold.strides))(fold.data_ptr(), x.data_ptr(), out.data_ptr())
    return out
