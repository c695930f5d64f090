"""A residual or inverted residual block as it is exported: folded, reading and writing its stream in parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.export.frame_moves import clip_major, time_major
from paddle_tsm.export.fused_batch_norm import fuse
from paddle_tsm.export.stream_parts import (
    Convolution,
    PartedConvolution,
    Ranges,
    recut,
    whole,
)

ACTIVATIONS = {"relu": F.relu, "relu6": F.relu6, "leaky_relu": F.leaky_relu}


@dataclass(frozen=True)
class Step:
    """A convolution of a trained network, the BatchNorm behind it, and the function behind that, or None."""

    convolution: nn.Conv2D
    norm: nn.Layer
    act: Callable | None


def steps(model, part: str, stage: int | None = None, block: int | None = None) -> list[Step]:
    """The convolutions that stand at this place of `model` (see `networks.layers.Place`), in forward order.

    A leaky ReLU is taken from the model, where it may stand in another form (see `plain_activation.py`).
    """
    layers = dict(model.named_sublayers())
    activations = ACTIVATIONS | ({"leaky_relu": model.act} if hasattr(model, "act") else {})
    return [
        Step(layers[layer.name], layers[layer.norm], activations.get(layer.activation))
        for layer in model.network.layers()
        if (layer.place.part, layer.place.stage, layer.place.block) == (part, stage, block)
    ]


def settings(convolution) -> dict:
    """stride and padding of a paddle.nn.Conv2D, both the same for height and width"""
    stride, padding = convolution._stride, convolution._padding
    return {"stride": stride[0], "padding": padding if isinstance(padding, int) else padding[0]}


class InferenceBlock(nn.Layer):
    """read, written: the parts of the stream in front and behind; shift: of `stream_shift.py`, or None.

    time_major: whether frames lie time-major, which a non-local block has to undo.
    """

    def __init__(self, block, branch: list[Step], read: Ranges, written: Ranges, shift, time_major: bool, dtype: str):
        super().__init__()
        self.read, self.written, self.shift, self.time_major = read, written, shift, time_major
        # the parts in which the residual branch, and the shortcut, read the stream
        self.inside = shift.ranges if shift and shift.in_parts else read
        self.moves_shortcut = shift is not None and block.shift_place == "block"
        self.non_local = block.non_local
        self.last_act, self.has_shortcut = block.act, block.has_shortcut
        self.add_branch(branch, dtype)
        self.add_downsample(block, dtype)

    def add_branch(self, branch: list[Step], dtype: str) -> None:
        first, *middle, last = branch
        self.acts = [step.act for step in branch[:-1]]
        if first.convolution._groups == 1:
            width, arrays = whole(first.convolution.weight.shape[0]), fuse(first.convolution, first.norm)
            self.first = PartedConvolution(*arrays, dtype, self.inside, width, **settings(first.convolution))
        else:  # MobileNetV2's first block, which neither shifts nor expands
            self.first = None
            middle = branch[:-1]
            self.acts = [None, *self.acts]
        self.middle = nn.LayerList(
            Convolution(
                *fuse(step.convolution, step.norm), dtype, groups=step.convolution._groups, **settings(step.convolution)
            )
            for step in middle
        )
        inner, arrays = whole(last.convolution.weight.shape[1]), fuse(last.convolution, last.norm)
        self.last = PartedConvolution(*arrays, dtype, inner, self.written, **settings(last.convolution))

    def add_downsample(self, block, dtype: str) -> None:
        self.pooled = getattr(block, "pooled", False)
        self.downsample = None
        if getattr(block, "downsample", None) is not None:
            conv, norm = block.downsample
            read = self.inside if self.moves_shortcut else self.read
            self.downsample = PartedConvolution(*fuse(conv, norm), dtype, read, self.written, **settings(conv))

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
