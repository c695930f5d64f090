"""A block as it is exported: its BatchNorms are fused, and it reads and writes the residual stream in parts."""

from __future__ import annotations

from paddle import Tensor, nn
from paddle.nn import functional as F

from paddle_tsm.export.declared_layers import Activation, SqueezeExcite, TrainedLayer, unchanged
from paddle_tsm.export.frame_moves import Moves
from paddle_tsm.export.frame_order import FrameAttention, FrameOrder
from paddle_tsm.export.fused_batch_norm import fuse
from paddle_tsm.export.stream_parts import (
    FixedConvolution,
    OnWhole,
    PartwiseConvolution,
    PartwiseDepthwise,
    Ranges,
    channels_of,
    regroup,
    whole,
)
from paddle_tsm.export.stream_shift import StreamShift
from paddle_tsm.models.block import Block

Step = PartwiseConvolution | PartwiseDepthwise | OnWhole


class InferenceBlock(nn.Layer):
    """What `models.block.Block` computes, for a residual stream in parts.

    block: the trained one. branch: the layers of its residual branch, in forward order. read, written: the parts of the
    stream in front of the block and behind it. shift: one of `stream_shift.py`, or None. order: of the frames, which a
    non-local block and temporal attention have to know. attention: the Linear layer of the temporal attention in front
    of the block, or None. dtype: of the weights. sums_apart: see `StreamShift`.
    """

    def __init__(
        self,
        block: Block,
        branch: list[TrainedLayer],
        read: Ranges,
        written: Ranges,
        shift: StreamShift | None,
        order: FrameOrder,
        attention: nn.Linear | None,
        dtype: str,
        sums_apart: bool,
    ):
        super().__init__()
        self.read, self.written, self.shift, self.order = read, written, shift, order
        # the parts in which what is shifted is read: the residual branch and, with shift_place "block", the shortcut
        self.inside = shift.ranges if shift and shift.in_parts else read
        self.moves_shortcut = shift is not None and block.shift_place == "block"
        self.non_local = block.non_local
        self.attention = attention and FrameAttention(attention, order)
        self.last_act, self.has_shortcut = block.act, block.has_shortcut
        self.add_branch(branch, dtype, sums_apart and self.has_shortcut)
        self.add_downsample(block, dtype)

    def add_branch(self, branch: list[TrainedLayer], dtype: str, apart: bool) -> None:
        """The first layer reads the parts `inside`, and the last one writes the parts `written`, where they can."""
        self.steps, present = nn.LayerList(), self.inside
        self.acts: list[Activation] = [layer.act for layer in branch]
        if not self.has_shortcut and self.acts[-1] is self.last_act:
            # nothing stands between the branch's last function and the block's: a family may declare the block's
            self.last_act = None
        for layer in branch:
            wanted = self.written if layer is branch[-1] else whole(layer.out_channels)
            step = step_of(layer, present, wanted, dtype, apart and layer is branch[-1] and layer.act is unchanged)
            self.steps.append(step)
            present = step.written

    def add_downsample(self, block: Block, dtype: str) -> None:
        """The convolution of the shortcut, where the block has one, and the pooling in front of it (ResNet-vd)."""
        self.pooled = getattr(block, "pooled", False)
        self.downsample, self.every = None, 1
        if getattr(block, "downsample", None) is not None:
            conv, norm = block.downsample
            stride, padding = conv._stride[0], conv._padding  # Paddle has no public names for them
            settings = {"stride": stride, "padding": padding if isinstance(padding, int) else padding[0]}
            read = self.inside if self.moves_shortcut else self.read
            if self.order.time_major:  # of Paddle Inference, where one convolution of all parts costs less than nine
                read = whole(channels_of(read))
                if list(conv.weight.shape[2:]) == [1, 1]:  # which reads only every `stride`th row and column
                    self.every, settings["stride"] = stride, 1
            self.downsample = PartwiseConvolution(*fuse(conv, norm), dtype, read, self.written, **settings)

    def forward(self, stream: list[Tensor], moves: Moves) -> list[Tensor]:
        """stream: the parts `read`, each [N*T, c, H, W] in the order of `moves`. Returns the parts `written`."""
        if self.attention is not None:
            everything = whole(channels_of(self.read))
            (x,) = regroup(stream, self.read, everything)
            stream = regroup([self.attention(x)], everything, self.read)
        shifted = stream
        if self.shift is not None:
            moved = self.shift(regroup(stream, self.read, self.shift.ranges), moves)
            shifted = regroup(moved, self.shift.ranges, self.inside)
        parts = self.branch(shifted, self.shortcut(shifted if self.moves_shortcut else stream))
        if self.last_act is not None:
            parts = [self.last_act(part) for part in parts]
        return parts if self.non_local is None else [self.attend(parts[0])]

    def branch(self, y: list[Tensor], added: list[Tensor] | None) -> list[Tensor]:
        """The residual branch of the parts `inside`, and the shortcut. The last convolution adds that by itself where
        nothing is between.
        """
        present = self.inside
        *inner, last = zip(self.steps, self.acts, strict=True)
        for step, act in inner:
            y = [act(part) for part in step(regroup(y, present, step.read))]
            present = step.written
        step, act = last
        y = regroup(y, present, step.read)
        if isinstance(step, PartwiseConvolution) and act is unchanged:
            return step(y, added)
        parts = regroup([act(part) for part in step(y)], step.written, self.written)
        return parts if added is None else [part + more for part, more in zip(parts, added, strict=True)]

    def shortcut(self, stream: list[Tensor]) -> list[Tensor] | None:
        """What is added to each part that is written; None without a shortcut."""
        if not self.has_shortcut:
            return None
        if self.pooled:
            stream = [F.avg_pool2d(part, 2, stride=2, ceil_mode=True) for part in stream]
        if self.downsample is not None:
            if self.every > 1:  # the parts that are joined are then a quarter as large
                stream = [F.avg_pool2d(part, 1, stride=self.every) for part in stream]
            present = self.inside if self.moves_shortcut else self.read
            return self.downsample(regroup(stream, present, self.downsample.read))
        return regroup(stream, self.inside if self.moves_shortcut else self.read, self.written)

    def attend(self, x: Tensor) -> Tensor:
        """The non-local block, which takes the frames of a clip adjacent."""
        assert self.non_local is not None
        return self.order.from_clips(self.non_local(self.order.to_clips(x)))


def step_of(layer: TrainedLayer, present: Ranges, wanted: Ranges, dtype: str, apart: bool) -> Step:
    """The layer for a stream in the parts `present`, which writes the parts `wanted` where it computes with all
    channels at once. A layer that is neither that nor depthwise takes and gives a whole. apart: see
    `PartwiseConvolution`.
    """
    if isinstance(layer, SqueezeExcite):
        return OnWhole(InferenceSqueeze(layer, dtype), layer.out_channels, layer.out_channels)
    if layer.groups == 1:
        return PartwiseConvolution(layer.weight, layer.bias, dtype, present, wanted, apart=apart, **layer.settings())
    if layer.depthwise:
        return PartwiseDepthwise(layer.weight, layer.bias, dtype, present, **layer.settings())
    return OnWhole(layer.on_whole(dtype), channels_of(present), layer.out_channels)


class InferenceSqueeze(nn.Layer):
    """What `models.layers.squeeze_excitation.SqueezeExcitation` computes. [N, C, H, W] -> the same shape."""

    squeeze: FixedConvolution
    excite: FixedConvolution

    def __init__(self, trained: SqueezeExcite, dtype: str):
        super().__init__()
        self.squeeze, self.excite = trained.squeeze.on_whole(dtype), trained.excite.on_whole(dtype)
        self.gate = trained.gate

    def forward(self, x: Tensor) -> Tensor:
        means = F.adaptive_avg_pool2d(x, 1)  # [N, C, 1, 1]
        return x * self.gate(self.excite(F.relu(self.squeeze(means))))
