"""The words in which a family of networks declares its layers.

A family lists its layers once, in forward order. The tensors, the shift order's permutation, the multiply-adds, the
initial weights, the recognition of a checkpoint and the exported graph are all derived from this list.

A *residual stream* is the tensor that blocks add to, and any other tensor that a shift moves: the stem's output, and
the output of each stage. The input channels of a layer that reads a stream are the stream's channels, and so are the
output channels of a layer that writes one. A depthwise convolution has as many groups as channels, so that its output
channels are its input channels: one that reads a stream also writes one.
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

    part: "stem", "branch" (the residual branch of a block), "shortcut", "non_local", "attention" (in front of a block),
    "end" (a convolution behind the last block) or "classifier". halvings: how often height and width have been halved
    at the layer's output; None where the layer sees one value for each channel, the mean over height and width. stage
    and block: as in `Tensor`.
    """

    part: str
    halvings: int | None
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

    @property
    def depthwise(self) -> bool:
        """Whether each channel is convolved by itself."""
        return self.groups == self.in_channels == self.out_channels > 1

    @property
    def products(self) -> tuple[Convolution | Linear, ...]:
        """The layers, of those that this one is made of, that multiply by a weight."""
        return (self,)

    def tensors(self) -> list[Tensor]:
        """The convolution's tensors, then the BatchNorm's."""
        where, channels = (self.place.stage, self.place.block), (self.out_channels,)
        written, read = (0,) if self.writes else (), (1,) if self.reads and not self.depthwise else ()
        tensors = [Tensor(f"{self.name}.weight", self.weight_shape, *where, written + read)]
        if self.bias:
            tensors.append(Tensor(f"{self.name}.bias", channels, *where, written))
        return tensors + (norm_tensors(self.norm, self.out_channels, self.place, self.writes) if self.norm else [])


def norm_tensors(name: str, channels: int, place: Place, on_stream: bool) -> list[Tensor]:
    """The tensors of the BatchNorm `name`. on_stream: whether its channels are those of a residual stream."""
    tensors = []
    for last in BATCH_NORM_TENSORS:
        shape, axes = ((), ()) if last == STEP_COUNTER else ((channels,), (0,) if on_stream else ())
        tensors.append(Tensor(f"{name}.{last}", shape, place.stage, place.block, axes))
    return tensors


@dataclass(frozen=True)
class ParallelConvolution:
    """Several convolutions of one input, whose results are added: a convolution that is re-parameterised for training
    (RepVGG, arXiv:2101.03697; MobileOne, arXiv:2206.04040).

    In evaluation the sum is one convolution with a bias, `fused`. branches: the convolutions, each with a BatchNorm and
    with the stride and the groups of `fused`; a smaller kernel stands in the middle of the fused one. identity_norm:
    the name of a BatchNorm of the input itself, which is added, too, or None. It comes first. activation: the
    function behind the sum. keeps_fused: whether the tensors of `fused` are in every checkpoint, behind the branches',
    although the network computes without them.
    """

    fused: Convolution
    branches: tuple[Convolution, ...]
    identity_norm: str | None = None
    activation: str | None = None
    keeps_fused: bool = False

    @property
    def name(self) -> str:
        """The name of the fused convolution."""
        return self.fused.name

    @property
    def place(self) -> Place:
        return self.fused.place

    @property
    def products(self) -> tuple[Convolution | Linear, ...]:
        """The branches."""
        return self.branches

    def tensors(self) -> list[Tensor]:
        """Those of the identity's BatchNorm, then the branches', then, where they are kept, the fused convolution's."""
        tensors = []
        if self.identity_norm is not None:
            tensors += norm_tensors(self.identity_norm, self.fused.in_channels, self.place, self.fused.writes)
        for branch in self.branches:
            tensors += branch.tensors()
        return tensors + (self.fused.tensors() if self.keeps_fused else [])


@dataclass(frozen=True)
class SqueezeExcitation:
    """A weight for each channel, which follows from the channels' means (arXiv:1709.01507, section 3).

    x * gate(excite(relu(squeeze(mean over height and width of x)))), both convolutions 1x1 with a bias. gate,
    activation: the function that makes the weights, and the one behind the product, by their names in
    `torch.nn.functional`; there may be no activation.
    """

    squeeze: Convolution
    excite: Convolution
    gate: str
    activation: str | None = None

    @property
    def name(self) -> str:
        """The name of the first convolution."""
        return self.squeeze.name

    @property
    def place(self) -> Place:
        return self.squeeze.place

    @property
    def products(self) -> tuple[Convolution | Linear, ...]:
        """Both convolutions."""
        return self.squeeze, self.excite

    def tensors(self) -> list[Tensor]:
        """Those of the first convolution, then the second one's."""
        return self.squeeze.tensors() + self.excite.tensors()


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

    @property
    def products(self) -> tuple[Convolution | Linear, ...]:
        """This layer."""
        return (self,)

    def tensors(self) -> list[Tensor]:
        """The weight and the bias."""
        where = self.place.stage, self.place.block
        return [
            Tensor(f"{self.name}.weight", self.weight_shape, *where, (1,) if self.reads else ()),
            Tensor(f"{self.name}.bias", (self.out_features,), *where),
        ]


Layer = Convolution | ParallelConvolution | SqueezeExcitation | Linear
