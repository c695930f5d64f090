"""The layers that a trained model has at a place of its declaration (`networks/layers.py`), as arrays: BatchNorms are
fused into their convolutions, and the branches of a re-parameterised convolution into one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from paddle import Tensor, nn
from paddle.nn import functional as F

from paddle_tsm.export.fused_batch_norm import fuse
from paddle_tsm.export.stream_parts import FixedConvolution
from paddle_tsm.models.layers.squeeze_excitation import SqueezeExcitation
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks import layers as declared
from paddle_tsm.networks.branch_fusion import fused_convolution


def unchanged(x: Tensor) -> Tensor:
    """The activation of a layer that declares none."""
    return x


Activation = Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str | None, Activation] = {
    None: unchanged,
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "hardswish": F.hardswish,
}


@dataclass(frozen=True)
class ConvAct:
    """A convolution of a trained model with all that is fused into it, and the activation behind it.

    name: the convolution's, canonical. weight: [out, in / groups, kh, kw], bias: [out], both float64. stride, padding:
    the same for height and width. behind_mean: whether it sees one value for each channel.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    stride: int
    padding: int
    groups: int
    act: Activation
    behind_mean: bool = False

    @property
    def out_channels(self) -> int:
        return len(self.weight)

    @property
    def depthwise(self) -> bool:
        """Whether each channel is convolved by itself."""
        return self.groups == len(self.weight) > 1 and self.weight.shape[1] == 1

    def settings(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding}

    def on_whole(self, dtype: str) -> FixedConvolution:
        """The convolution of a whole tensor, without the activation."""
        return FixedConvolution(self.weight, self.bias, dtype, groups=self.groups, **self.settings())


@dataclass(frozen=True)
class SqueezeExcite:
    """A squeeze and excitation of a trained model: both convolutions, the gate as the model has it, and the activation
    behind the product.
    """

    name: str
    squeeze: ConvAct
    excite: ConvAct
    gate: Activation
    act: Activation

    @property
    def out_channels(self) -> int:
        return self.excite.out_channels


TrainedLayer = ConvAct | SqueezeExcite


def layers_at(model: Recognizer, part: str, stage: int | None = None, block: int | None = None) -> list[TrainedLayer]:
    """The convolutions, and the squeezes and excitations, that stand at this place of `model` (see
    `networks.layers.Place`), in forward order. Raises ValueError for an activation that is not in ACTIVATIONS.
    """
    sublayers = dict(model.named_sublayers())
    return [trained_layer(model, sublayers, layer) for layer in declared_at(model, part, stage, block)]


def declared_at(model: Recognizer, part: str, stage: int | None, block: int | None) -> list[declared.Layer]:
    """What the network's family declares at this place."""
    wanted = part, stage, block
    return [
        layer for layer in model.network.layers() if (layer.place.part, layer.place.stage, layer.place.block) == wanted
    ]


def trained_layer(model: Recognizer, sublayers: dict[str, nn.Layer], layer: declared.Layer) -> TrainedLayer:
    """The declared layer with the model's weights. sublayers: the model's, by name."""
    if isinstance(layer, declared.ParallelConvolution):
        return fused_branches(model, layer)
    if isinstance(layer, declared.SqueezeExcitation):
        trained = sublayers[layer.name.rpartition(".")[0]]
        assert isinstance(trained, SqueezeExcitation), layer.name
        squeeze, excite = (fused_norm(model, sublayers, one) for one in (layer.squeeze, layer.excite))
        return SqueezeExcite(layer.name, squeeze, excite, trained.gate, activation_of(model, layer))
    assert isinstance(layer, declared.Convolution), layer.name  # a Linear stands nowhere else
    return fused_norm(model, sublayers, layer)


def fused_norm(model: Recognizer, sublayers: dict[str, nn.Layer], layer: declared.Convolution) -> ConvAct:
    """A convolution with the BatchNorm behind it."""
    convolution: Any = sublayers[layer.name]
    weight, bias = fuse(convolution, sublayers[layer.norm] if layer.norm else None)
    stride, padding = convolution._stride[0], convolution._padding  # Paddle has no public names for them
    return ConvAct(
        layer.name,
        weight,
        bias,
        stride,
        padding if isinstance(padding, int) else padding[0],
        convolution._groups,
        activation_of(model, layer),
        layer.place.halvings is None,
    )


def fused_branches(model: Recognizer, layer: declared.ParallelConvolution) -> ConvAct:
    """The one convolution that a re-parameterised one is in evaluation."""
    state = model.state_dict()
    tensors = {tensor.name: state[tensor.name].numpy() for tensor in layer.tensors()}
    weight, bias = fused_convolution(layer, tensors)
    whole = layer.fused
    act = activation_of(model, layer)
    return ConvAct(layer.name, weight, bias, whole.stride, whole.kernel[0] // 2, whole.groups, act)


def activation_of(
    model: Recognizer, layer: declared.Convolution | declared.ParallelConvolution | declared.SqueezeExcitation
) -> Activation:
    """The activation behind a layer. A leaky ReLU is taken from the model, where it may be written in another form (see
    `plain_activation.py`). Raises ValueError for one that is not in ACTIVATIONS.
    """
    activations = ACTIVATIONS | ({"leaky_relu": model.act} if hasattr(model, "act") else {})
    if layer.activation not in activations:
        known = ", ".join(filter(None, ACTIVATIONS))
        raise ValueError(f"export: {layer.name} has the activation {layer.activation}, wanted none, or {known}")
    return activations[layer.activation]


def attention_at(model: Recognizer, stage: int, block: int) -> nn.Linear | None:
    """The Linear layer of the temporal attention in front of a block; None where there is no attention."""
    found = [layer.name for layer in declared_at(model, "attention", stage, block)]
    if not found:
        return None
    (name,) = found
    return dict(model.named_sublayers())[name]


def classifier_of(model: Recognizer) -> nn.Linear:
    """The model's classifier. Where dropout scales the features in evaluation, its weight is scaled instead."""
    trained, factor = model.classifier_layer(), model.dropout.factor_at_inference
    if factor == 1.0:
        return trained
    weight, bias = (tensor.numpy().astype("float64") for tensor in (trained.weight, trained.bias))
    scaled = nn.Linear(*weight.shape).to(dtype=trained.weight.dtype)
    for tensor, array in ((scaled.weight, weight * factor), (scaled.bias, bias)):
        tensor.set_value(array.astype(trained.weight.numpy().dtype))
    return scaled
