"""The words in which a family of networks declares its layers.

A family lists its layers once, in forward order. The tensors, the shift order's permutation, the multiply-adds, the
initial weights, the recognition of a checkpoint and the exported graph are all derived from this list.

A *residual stream* is the tensor that blocks add to: the stem's output, and the output of each stage. The input
channels of a layer that reads a stream are the stream's channels, and so are the output channels of a layer that writes
one.
"""

from __future__ import annotations

from dataclasses import dataclass

STEP_COUNTER = "num_batches_tracked"  # how many training steps a BatchNorm has seen; no network computes with it
BATCH_NORM_TENSORS = ("weight", "bias", "running_mean", "running_var", STEP_COUNTER)


@dataclass(frozen=True)
class Tensor:
    """One tensor of a network.

    name: the canonical name. shape: as PyTorch stores it. stage (from 1) and block (from 0): the block that it belongs
    to; None outside the blocks. stream_axes: the axes that run over the channels of a residual stream.
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
    last block) or "classifier". halvings: how often height and width have been halved at the layer's output. stage and
    block: as in `Tensor`.
    """

    part: str
    halvings: int
    stage: int | None = None
    block: int | None = None


@dataclass(frozen=True)
class Convolution:
    """A convolution, and the BatchNorm behind it where `norm` names one.

    name, norm: canonical names. kernel: the size along each axis, such as (3, 3) or (1, 1, 1). activation: the function
    behind the BatchNorm, by its name in `torch.nn.functional`, or None. reads: whether the layer reads a residual
    stream. writes: whether it writes one.
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
        """The shape of the weight as PyTorch stores it."""
        return (self.out_channels, self.in_channels // self.groups, *self.kernel)

    def tensors(self) -> list[Tensor]:
        """The convolution's tensors, then the BatchNorm's."""
        where, channels = (self.place.stage, self.place.block), (self.out_channels,)
        written, read = (0,) if self.writes else (), (1,) if self.reads else ()
        tensors = [Tensor(f"{self.name}.weight", self.weight_shape, *where, written + read)]
        if self.bias:
            tensors.append(Tensor(f"{self.name}.bias", channels, *where, written))
        for name in BATCH_NORM_TENSORS if self.norm is not None else ():
            shape, axes = ((), ()) if name == STEP_COUNTER else (channels, written)
            tensors.append(Tensor(f"{self.norm}.{name}", shape, *where, axes))
        return tensors


@dataclass(frozen=True)
class Linear:
    """A fully connected layer with a bias. reads: whether its inputs are the channels of a residual stream."""

    name: str
    place: Place
    out_features: int
    in_features: int
    reads: bool = False

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """The shape of the weight as PyTorch stores it."""
        return (self.out_features, self.in_features)

    def tensors(self) -> list[Tensor]:
        """The weight and the bias."""
        where = self.place.stage, self.place.block
        return [
            Tensor(f"{self.name}.weight", self.weight_shape, *where, (1,) if self.reads else ()),
            Tensor(f"{self.name}.bias", (self.out_features,), *where),
        ]


Layer = Convolution | Linear
