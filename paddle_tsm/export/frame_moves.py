"""Moves in time that oneDNN does without leaving its layout.

Frames lie time-major, [T*N, C, H, W]: frame 0 of every clip, then frame 1 of every clip. A move by one frame is then a
move along the first axis, contiguous in any layout, and stays right for any number of clips.
"""

import paddle


def time_major(x, segments: int):
    """[N*T, C, H, W] -> [T*N, C, H, W]"""
    _, c, h, w = x.shape
    return x.reshape([-1, segments, c * h * w]).transpose([1, 0, 2]).reshape([-1, c, h, w])


def clip_major(x, segments: int):
    """[T*N, C, H, W] -> [N*T, C, H, W]"""
    _, c, h, w = x.shape
    return x.reshape([segments, -1, c * h * w]).transpose([1, 0, 2]).reshape([-1, c, h, w])


def shaped(moved, x):
    """`moved`, known to have x's shape: a graph forgets all of it where the sections of a split are computed, and
    Paddle adds a product into a convolution (conv_elementwise_add_onednn_fuse_pass) only where it knows both shapes
    equal.
    """
    if not paddle.in_dynamic_mode():
        moved.set_shape(x.shape)
    return moved


class Frames:
    """The moves of a batch of `clips` clips (an int, or in a static graph a tensor) of `segments` frames each.

    Paddle's oneDNN kernels decide what is used here. `split` and `concat` keep the layout that the convolutions chose,
    where slices and padding write plain NCHW, which the next convolution has to reorder; and `concat` writes NCHW, too,
    where an axis of its first input is 1 long, which a single zero frame in front would have: there are two, and the
    first is cut off again (paddle/phi/kernels/onednn/{split,slice,concat,pad}_kernel.cc, release 3.3).
    """

    def __init__(self, clips, segments: int):
        self.clips, self.segments = clips, segments
        self.blanks = {}  # shape of a frame -> one and two blank frames of each clip

    def move(self, x, direction: int):
        """x: [T*N, C, H, W]. Returns x[t + direction], direction 1 or -1, and zeros beyond the clips' ends."""
        n, t = self.clips, self.segments
        if t == 1:
            return paddle.clip(x, 0.0, 0.0)
        one, two = self.blank(x)
        if direction == 1:
            return shaped(paddle.concat([paddle.split(x, [n, (t - 1) * n], 0)[1], one], 0), x)
        return shaped(paddle.split(paddle.concat([two, x], 0), [n, t * n, n], 0)[1], x)

    def blank(self, x):
        """Zeros for one frame and for two of each clip, [N, C, H, W] and [2*N, C, H, W], in x's layout."""
        shape = tuple(x.shape[1:])
        if shape not in self.blanks:
            n, t = self.clips, self.segments
            two = paddle.clip(x if t == 2 else paddle.split(x, [2 * n, (t - 2) * n], 0)[0], 0.0, 0.0)
            self.blanks[shape] = paddle.split(two, 2, 0)[0], two
        return self.blanks[shape]
