"""Moves in time that oneDNN does without leaving its memory layout.

Frames lie time-major, [T*N, C, H, W]: frame 0 of every clip, then frame 1 of every clip. A move by one frame is then a
move along the first axis. It is contiguous in any memory layout, and the same for any number of clips.
"""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import Tensor


def time_major(x: Tensor, segments: int) -> Tensor:
    """[N*T, C, H, W] -> [T*N, C, H, W]"""
    _, c, h, w = x.shape
    return x.reshape([-1, segments, c * h * w]).transpose([1, 0, 2]).reshape([-1, c, h, w])


def clip_major(x: Tensor, segments: int) -> Tensor:
    """[T*N, C, H, W] -> [N*T, C, H, W]"""
    _, c, h, w = x.shape
    return x.reshape([segments, -1, c * h * w]).transpose([1, 0, 2]).reshape([-1, c, h, w])


def with_shape_of(x: Tensor, moved: Tensor) -> Tensor:
    """`moved`, whose shape is written down as x's in a static graph.

    The graph knows no axis of the results of a split whose sections are computed. Paddle adds a product into a
    convolution (conv_elementwise_add_onednn_fuse_pass) only where it knows that both shapes are equal.
    """
    if not paddle.in_dynamic_mode():
        moved.set_shape(x.shape)
    return moved


class FrameMoves:
    """The moves of a batch of `clips` clips (an int, or in a static graph a tensor) of `segments` frames each.

    Paddle's oneDNN kernels decide which operators are used here. `split` and `concat` keep the memory layout that the
    convolutions chose. Slices and padding write plain NCHW, which the next convolution has to reorder. `concat`, too,
    writes NCHW where an axis of its first input has the length 1, as a single zero frame in front would have. Therefore
    two zero frames stand in front, and the first is cut off again (paddle/phi/kernels/onednn/{split,slice,concat,pad}
    _kernel.cc, release 3.3).
    """

    def __init__(self, clips: int | Tensor, segments: int):
        self.clips, self.segments = clips, segments
        self.blanks: dict[tuple, tuple[Tensor, Tensor]] = {}  # shape of a frame -> see `blank`

    def move(self, x: Tensor, direction: int) -> Tensor:
        """x: [T*N, C, H, W]. Returns x[t + direction], direction 1 or -1, and zeros beyond the clips' ends."""
        n, t = self.clips, self.segments
        if t == 1:
            return paddle.clip(x, 0.0, 0.0)
        one, two = self.blank(x)
        if direction == 1:
            return with_shape_of(x, paddle.concat([paddle.split(x, [n, (t - 1) * n], 0)[1], one], 0))
        return with_shape_of(x, paddle.split(paddle.concat([two, x], 0), [n, t * n, n], 0)[1])

    def move_both(self, ahead: Tensor, behind: Tensor) -> tuple[Tensor, Tensor]:
        """ahead[t + 1] and behind[t - 1], of one shape [T*N, C, H, W], with zeros beyond the clips' ends.

        Both lie behind each other with two zero frames between, so that one concatenation and one split move both.
        """
        n, t = self.clips, self.segments
        if t == 1:
            return self.move(ahead, 1), self.move(behind, -1)
        rows = paddle.concat([ahead, self.blank(ahead)[1], behind], 0)
        _, first, second, _ = paddle.split(rows, [n, t * n, t * n, n], 0)
        return with_shape_of(ahead, first), with_shape_of(behind, second)

    def blank(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Zeros for one frame and for two of each clip, [N, C, H, W] and [2*N, C, H, W], in x's memory layout."""
        shape = tuple(x.shape[1:])
        if shape not in self.blanks:
            n, t = self.clips, self.segments
            two = paddle.clip(x if t == 2 else paddle.split(x, [2 * n, (t - 2) * n], 0)[0], 0.0, 0.0)
            self.blanks[shape] = paddle.split(two, 2, 0)[0], two
        return self.blanks[shape]


class RememberedFolds:
    """What the shifts of one step of a stream exchange: each gets the last frame's fold, and leaves this frame's.

    last: [N, f, h, w] of each shift, in forward order. kept: what was left so far, which the next step gets.
    """

    def __init__(self, last: Sequence[Tensor]):
        self.last, self.kept = iter(last), list[Tensor]()

    def exchange(self, fold: Tensor) -> Tensor:
        """Keep this frame's fold, and return the last frame's."""
        self.kept.append(fold)
        return next(self.last)


Moves = FrameMoves | RememberedFolds  # what a block is called with
