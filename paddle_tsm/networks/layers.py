"""The words in which a family of networks declares its layers.

A family lists its layers once, in forward order. The tensors, the shift order's permutation, the multiply-adds, the
initial weights, the recognition of a checkpoint and the exported graph are all derived from this list.

A *residual stream* is the tensor that blocks add to: the stem's output, and the output of each stage. A layer that
reads a stream has the stream's channels as its input channels, and a layer that writes one has them as its output
channels.
"""

from __future__ import annotations

from dataclasses import dataclass

BATCH_NORM_TENSORS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Tensor:
    """One tensor of a network.

    name: canonical. shape: as PyTorch stores it. stage (from 1) and block (from 0): the block it belongs to; None
    outside of the blocks. stream_axes: the axes along which it has the channels of a residual stream.
    """

    name: str
    shape: tuple[int, ...]
    stage: int | None = None
    block: int | None = None
    stream_axes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where in a network a layer stands.

    part: "stem", "branch" (the residual branch of a block), "shortcut", "non_local", "end" (a convolution behind the
    last block) or "classifier". stage and block: as of a Tensor. halvings: how often height and width have been halved
    at the layer's output.
    """

    part: str
    halvings: int
    stage: int | None = None
    block: int | None = None


@dataclass(frozen=True)
class Convolution:
    """A convolution, and the BatchNorm behind it where `norm` names one.

    name, norm: canonical names. kernel: the size along each axis, (3, 3) or (1, 1, 1). activation: the name of the
    function behind the BatchNorm, as in `torch.nn.functional`, or None. reads, writes: whether the input, or the
    output, is a residual stream.
    """

    name: str
    place: Place
    out_channels: int
    in_channels: int
    kernel: tuple[int, ...]
    norm: str | None = None
    stride: int = 1
    groups: int = 1
    bias: bool = False
    activation: str | None = None
    reads: bool = False
    writes: bool = False

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel)

    def tensors(self) -> list[Tensor]:
        """The convolution's tensors, then the BatchNorm's."""
        where = self.place.stage, self.place.block
        written = (0,) if self.writes else ()
        found = [Tensor(f"{self.name}.weight", self.weight_shape, *where, written + ((1,) if self.reads else ()))]
        if self.bias:
            found.append(Tensor(f"{self.name}.bias", (self.out_channels,), *where, written))
        if self.norm is not None:
            for name in BATCH_NORM_TENSORS:
                counter = name == "num_batches_tracked"  # a number of steps, which has no channels
                shape = () if counter else (self.out_channels,)
                found.append(Tensor(f"{self.norm}.{name}", shape, *where, () if counter else written))
        return found


@dataclass(frozen=True)
class Linear:
    """A fully connected layer with a bias; reads: whether its input has the channels of a residual stream."""

    name: str
    place: Place
    out_features: int
    in_features: int
    reads: bool = False

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.out_features, self.in_features)

    def tensors(self) -> list[Tensor]:
        where = self.place.stage, self.place.block
        return [
            Tensor(f"{self.name}.weight", self.weight_shape, *where, (1,) if self.reads else ()),
            Tensor(f"{self.name}.bias", (self.out_features,), *where),
        ]


Layer = Convolution | Linear
