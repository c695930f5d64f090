"""A residual or inverted residual block as it is exported: folded, reading and writing its stream in parts."""

from __future__ import annotations

from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.export.folded import fold
from paddle_tsm.export.frames import clip_major, time_major
from paddle_tsm.export.parts import Convolution, PartedConvolution, Ranges, recut, whole
from paddle_tsm.resnet import Block, Bottleneck

def steps(block) -> list:
    """The residual branch: (convolution, BatchNorm, what follows or None), in order."""
    if isinstance(block, Bottleneck):
        pairs = [(block.conv1, block.bn1, block.act), (block.conv2, block.bn2, block.act)]
        return [*pairs, (block.conv3, block.bn3, None)]
    if isinstance(block, Block):
        return [(block.conv1, block.bn1, block.act), (block.conv2, block.bn2, None)]
    *inside, project, norm = block.conv
    return [(layer[0], layer[1], F.relu6) for layer in inside] + [(project, norm, None)]


def settings(convolution) -> dict:
    """stride and padding of a paddle.nn.Conv2D, both the same for height and width"""
    stride, padding = convolution._stride, convolution._padding
    return {"stride": stride[0], "padding": padding if isinstance(padding, int) else padding[0]}


class InferenceBlock(nn.Layer):
    """read, written: the parts of the stream in front and behind; shift: of `stream_shift.py`, or None.

    time_major: whether frames lie time-major, which a non-local block has to undo.
    """

    def __init__(self, block, read: Ranges, written: Ranges, shift, time_major: bool, dtype: str):
        super().__init__()
        self.read, self.written, self.shift, self.time_major = read, written, shift, time_major
        # the parts in which the residual branch, and the shortcut, read the stream
        self.inside = shift.ranges if shift and shift.in_parts else read
        self.moves_shortcut = shift is not None and block.shift_place == "block"
        self.non_local = block.non_local
        self.last_act = block.act if isinstance(block, Block) else None
        self.has_shortcut = isinstance(block, Block) or block.residual
        self.add_branch(steps(block), dtype)
        self.add_downsample(block, dtype)

    def add_branch(self, branch: list, dtype: str) -> None:
        (first, norm, _), *middle, (last, last_norm, _) = branch
        self.acts = [act for *_, act in branch[:-1]]
        if first._groups == 1:
            width = whole(first.weight.shape[0])
            self.first = PartedConvolution(*fold(first, norm), dtype, self.inside, width, **settings(first))
        else:  # MobileNetV2's first block, which neither shifts nor expands
            self.first = None
            middle = branch[:-1]
            self.acts = [None, *self.acts]
        self.middle = nn.LayerList(
            Convolution(*fold(conv, norm), dtype, groups=conv._groups, **settings(conv)) for conv, norm, _ in middle
        )
        inner = whole(last.weight.shape[1])
        self.last = PartedConvolution(*fold(last, last_norm), dtype, inner, self.written, **settings(last))

    def add_downsample(self, block, dtype: str) -> None:
        self.pooled = getattr(block, "pooled", False)
        self.downsample = None
        if getattr(block, "downsample", None) is not None:
            conv, norm = block.downsample
            read = self.inside if self.moves_shortcut else self.read
            self.downsample = PartedConvolution(*fold(conv, norm), dtype, read, self.written, **settings(conv))

    def forward(self, stream: list, frames) -> list:
        """stream: the parts `read`, each [T*N, c, H, W]. Returns the parts `written`."""
        shifted = stream
        if self.shift is not None:
            moved = self.shift(recut(stream, self.read, self.shift.ranges), frames)
            shifted = recut(moved, self.shift.ranges, self.inside)
        y = shifted[0]
        if self.first is not None:
            y = self.acts[0](self.first(shifted)[0])
        for convolution, act in zip(self.middle, self.acts[1:]):
            y = act(convolution(y))
        parts = self.last([y], self.shortcut(shifted if self.moves_shortcut else stream))
        if self.last_act is not None:
            parts = [self.last_act(part) for part in parts]
        return parts if self.non_local is None else [self.attend(parts[0])]

    def shortcut(self, stream: list):
        """What is added to each part that is written; None without a shortcut."""
        if not self.has_shortcut:
            return None
        if self.pooled:
            stream = [F.avg_pool2d(part, 2, stride=2, ceil_mode=True) for part in stream]
        if self.downsample is not None:
            return self.downsample(stream)
        return recut(stream, self.inside if self.moves_shortcut else self.read, self.written)

    def attend(self, x):
        """The non-local block, which wants the frames of a clip adjacent."""
        if not self.time_major:
            return self.non_local(x)
        segments = self.non_local.num_segments
        return time_major(self.non_local(clip_major(x, segments)), segments)
