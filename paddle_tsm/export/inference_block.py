"""A block as it is exported: its BatchNorms are fused, and it reads and writes the residual stream in parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from paddle import Tensor, nn
from paddle.nn import functional as F

from paddle_tsm.export.frame_moves import FrameMoves, clip_major, time_major
from paddle_tsm.export.fused_batch_norm import fuse
from paddle_tsm.export.stream_parts import FixedConvolution, PartwiseConvolution, Ranges, channels_of, regroup, whole
from paddle_tsm.export.stream_shift import StreamShift
from paddle_tsm.models.block import Block
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.layers import Convolution


def unchanged(x: Tensor) -> Tensor:
    """The activation of a layer that declares none."""
    return x


ACTIVATIONS = {None: unchanged, "relu": F.relu, "relu6": F.relu6, "leaky_relu": F.leaky_relu}


@dataclass(frozen=True)
class ConvNormAct:
    """A convolution of a trained model, the BatchNorm behind it or None, and the activation behind that.

    name: the convolution's, canonical.
    """

    name: str
    convolution: nn.Conv2D
    norm: nn.Layer | None
    act: Callable[[Tensor], Tensor]

    def fused(self) -> tuple[np.ndarray, np.ndarray]:
        """Weight and bias, float64, with the BatchNorm fused."""
        return fuse(self.convolution, self.norm)

    @property
    def grouped(self) -> bool:
        return self.convolution._groups != 1  # Paddle has no public name for it

    def settings(self) -> dict[str, Any]:
        """The stride and the padding, which are the same for height and width."""
        stride, padding = self.convolution._stride, self.convolution._padding
        return {"stride": stride[0], "padding": padding if isinstance(padding, int) else padding[0]}

    def on_whole(self, dtype: str) -> FixedConvolution:
        """The fused convolution of a whole tensor, without the activation."""
        return FixedConvolution(*self.fused(), dtype, groups=self.convolution._groups, **self.settings())


def layers_at(model: Recognizer, part: str, stage: int | None = None, block: int | None = None) -> list[ConvNormAct]:
    """The convolutions that stand at this place of `model` (see `networks.layers.Place`), in forward order.

    A leaky ReLU is taken from the model, where it may be written in another form (see `plain_activation.py`). Raises
    ValueError for an activation that is not in ACTIVATIONS.
    """
    layers = dict(model.named_sublayers())
    activations = ACTIVATIONS | ({"leaky_relu": model.act} if hasattr(model, "act") else {})
    found = []
    for layer in model.network.layers():
        if (layer.place.part, layer.place.stage, layer.place.block) != (part, stage, block):
            continue
        assert isinstance(layer, Convolution), layer.name  # only the classifier is linear
        if layer.activation not in activations:
            known = ", ".join(filter(None, ACTIVATIONS))
            raise ValueError(f"export: {layer.name} has the activation {layer.activation}, wanted none, or {known}")
        norm = layer.norm and layers[layer.norm]
        found.append(ConvNormAct(layer.name, layers[layer.name], norm, activations[layer.activation]))
    return found


class InferenceBlock(nn.Layer):
    """What `models.block.Block` computes, for a residual stream in parts.

    block: the trained one. branch: the convolutions of its residual branch, in forward order. read, written: the parts
    of the stream in front of the block and behind it. shift: one of `stream_shift.py`, or None. time_major: whether
    frames lie time-major, which a non-local block has to undo. dtype: of the weights.

    Raises ValueError for a branch that ends in a grouped convolution.
    """

    def __init__(
        self,
        block: Block,
        branch: list[ConvNormAct],
        read: Ranges,
        written: Ranges,
        shift: StreamShift | None,
        time_major: bool,
        dtype: str,
    ):
        super().__init__()
        self.read, self.written, self.shift, self.time_major = read, written, shift, time_major
        # the parts in which what is shifted is read: the residual branch and, with shift_place "block", the shortcut
        self.inside = shift.ranges if shift and shift.in_parts else read
        if shift and branch and branch[0].grouped:  # a grouped convolution cannot read parts
            self.inside = whole(channels_of(shift.ranges))
        self.moves_shortcut = shift is not None and block.shift_place == "block"
        self.non_local = block.non_local
        self.last_act, self.has_shortcut = block.act, block.has_shortcut
        self.add_branch(branch, dtype)
        self.add_downsample(block, dtype)

    def add_branch(self, branch: list[ConvNormAct], dtype: str) -> None:
        """The first convolution reads the parts `inside`, and the last one writes the parts `written`. One that is
        alone does both. A grouped first one reads the whole stream, as that of MobileNetV2's first block does.
        """
        check_branch(branch)
        *inner, last = branch
        reads = self.inside if not inner else whole(last.convolution.weight.shape[1])
        self.first = None
        if inner and not inner[0].grouped:
            first, *inner = inner
            width = whole(first.convolution.weight.shape[0])
            self.first = PartwiseConvolution(*first.fused(), dtype, self.inside, width, **first.settings())
            self.first_act = first.act
        self.middle = nn.LayerList(layer.on_whole(dtype) for layer in inner)
        self.middle_acts = [layer.act for layer in inner]
        self.last = PartwiseConvolution(*last.fused(), dtype, reads, self.written, **last.settings())
        self.branch_act = last.act

    def add_downsample(self, block: Block, dtype: str) -> None:
        """The convolution of the shortcut, where the block has one, and the pooling in front of it (ResNet-vd)."""
        self.pooled = getattr(block, "pooled", False)
        self.downsample = None
        if getattr(block, "downsample", None) is not None:
            conv, norm = block.downsample
            layer = ConvNormAct("downsample", conv, norm, unchanged)
            read = self.inside if self.moves_shortcut else self.read
            self.downsample = PartwiseConvolution(*layer.fused(), dtype, read, self.written, **layer.settings())

    def forward(self, stream: list[Tensor], moves: FrameMoves) -> list[Tensor]:
        """stream: the parts `read`, each [N*T, c, H, W] in the order of `moves`. Returns the parts `written`."""
        shifted = stream
        if self.shift is not None:
            moved = self.shift(regroup(stream, self.read, self.shift.ranges), moves)
            shifted = regroup(moved, self.shift.ranges, self.inside)
        y = shifted
        if self.first is not None:
            y = [self.first_act(self.first(y)[0])]
        for convolution, act in zip(self.middle, self.middle_acts):
            y = [act(convolution(y[0]))]
        parts = self.sum(y, self.shortcut(shifted if self.moves_shortcut else stream))
        if self.last_act is not None:
            parts = [self.last_act(part) for part in parts]
        return parts if self.non_local is None else [self.attend(parts[0])]

    def sum(self, y: list[Tensor], added: list[Tensor] | None) -> list[Tensor]:
        """The last convolution of `y`, and the shortcut. The convolution adds it by itself where nothing is between."""
        if self.branch_act is unchanged:
            return self.last(y, added)
        parts = [self.branch_act(part) for part in self.last(y)]
        return parts if added is None else [part + more for part, more in zip(parts, added, strict=True)]

    def shortcut(self, stream: list[Tensor]) -> list[Tensor] | None:
        """What is added to each part that is written; None without a shortcut."""
        if not self.has_shortcut:
            return None
        if self.pooled:
            stream = [F.avg_pool2d(part, 2, stride=2, ceil_mode=True) for part in stream]
        if self.downsample is not None:
            return self.downsample(stream)
        return regroup(stream, self.inside if self.moves_shortcut else self.read, self.written)

    def attend(self, x: Tensor) -> Tensor:
        """The non-local block, which takes the frames of a clip adjacent."""
        assert self.non_local is not None
        if not self.time_major:
            return self.non_local(x)
        segments = self.non_local.num_segments
        return time_major(self.non_local(clip_major(x, segments)), segments)


def check_branch(branch: list[ConvNormAct]) -> None:
    """Raise ValueError for a residual branch that cannot write a residual stream in parts."""
    if not branch:
        raise ValueError("export: got a block without a convolution in its residual branch, wanted one or more")
    if branch[-1].grouped:
        raise ValueError(
            f"export: {branch[-1].name} ends a residual branch in {branch[-1].convolution._groups} groups, wanted a "
            "convolution in one group; the checkpoint itself runs with the engine dygraph"
        )
