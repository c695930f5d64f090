"""The layers of a model that have tensors of their own, each with its tensors under PyTorch's names and in PyTorch's
orientation, so that the layers of both frameworks can be held against each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from paddle_tsm.parity.model_pair.layer_kinds import RESHAPED, STATISTICS, Kind, paddle_kind, torch_kind

PROJECTIONS = ("q_proj", "k_proj", "v_proj")  # of Paddle's attention; PyTorch packs the three into one tensor
# PyTorch's name of what a parametrization holds -> what follows the weight's name in the older form, and in Paddle
PARAMETRIZED = {"original0": "_g", "original1": "_v", "original": "_orig", "0._u": "_u", "0._v": "_v"}


@dataclass(frozen=True)
class Part:
    """Where PyTorch's tensor, or some of its rows, lies in Paddle.

    tensor: the full name of Paddle's tensor. rows: (first, behind the last) of PyTorch's tensor, or None for all.
    transposed: whether Paddle's tensor is the transposed one.
    """

    tensor: str
    rows: tuple[int, int] | None = None
    transposed: bool = False


@dataclass
class TensorLayer:
    """A layer with tensors.

    name: its path in the model. layer: the object. shapes: PyTorch's tensor name in the layer -> shape in PyTorch's
    orientation. names: the same -> the tensor's full name in PyTorch. parts: the same -> where it lies in Paddle. One
    of these two is empty. buffers: those that no optimizer changes.
    """

    name: str
    kind: Kind
    layer: Any
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    parts: dict[str, list[Part]] = field(default_factory=dict)
    buffers: set[str] = field(default_factory=set)

    def full_names(self) -> dict[str, str]:
        """PyTorch's tensor name in the layer -> the tensor's full name in its model, of several parts the first's."""
        return self.names or {name: parts[0].tensor for name, parts in self.parts.items()}

    @property
    def signature(self) -> tuple:
        """Kind and shapes. Only layers with the same signature can be paired."""
        return self.kind.name, tuple(sorted(self.shapes.items()))

    def __str__(self) -> str:
        shapes = ", ".join(f"{name} {list(shape)}" for name, shape in self.shapes.items())
        return f"{self.name or 'the model itself'} ({self.kind.name}: {shapes})"


def join(path: str, name: str) -> str:
    """The path of a member: "layer1.conv", or "conv" in the model itself."""
    return f"{path}.{name}" if path else name


def torch_layers(model: Any) -> list[TensorLayer]:
    """The layers with tensors of a PyTorch module, in the order of their definition. A shared tensor counts once."""
    return list(_torch_layers(model, "", set()))


def _torch_layers(layer: Any, path: str, seen: set[int]) -> Iterator[TensorLayer]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    kind = torch_kind(layer)
    found = TensorLayer(path, kind, layer)
    buffers = dict(layer.named_buffers(recurse=kind.whole))
    own = [(name, name, tensor) for name, tensor in layer.named_parameters(recurse=kind.whole)]
    own += [(name, name, tensor) for name, tensor in buffers.items()]
    for name, full, tensor in [*own, *parametrized(layer)]:
        if id(tensor) in seen or name in kind.absent:
            continue
        seen.add(id(tensor))
        if full in buffers or full.endswith(("._u", "._v")):
            found.buffers.add(name)
        found.names[name] = join(path, full)
        found.shapes[name] = comparable_shape(kind, tuple(tensor.shape), name)
    if found.shapes:
        yield found
    for name, member in [] if kind.whole else layer.named_children():
        yield from _torch_layers(member, join(path, name), seen)


def paddle_layers(model: Any) -> list[TensorLayer]:
    """The layers with tensors of a Paddle layer, in the order of their definition. A shared tensor counts once."""
    return list(_paddle_layers(model, "", set()))


def _paddle_layers(layer: Any, path: str, seen: set[int]) -> Iterator[TensorLayer]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    kind = paddle_kind(layer)
    found = TensorLayer(path, kind, layer)
    tensors = own_tensors(layer, kind.whole, seen)
    packed = kind.name == "attention" and not kind.paddle == ()
    if packed and all(f"{name}.weight" in tensors for name in PROJECTIONS):
        pack_projections(found, tensors)
    torch_names = {paddle: torch for torch, paddle in kind.renamed}
    buffers = dict(layer.named_buffers(include_sublayers=kind.whole))
    for name, tensor in tensors.items():
        torch_name = torch_names.get(name, name)
        if name in buffers or (name, torch_name) in [(b, a) for a, b in STATISTICS]:  # Paddle's are parameters
            found.buffers.add(torch_name)
        shape = tuple(tensor.shape)
        norm = len(shape) > 1 and torch_name.endswith(("_v", "_orig"))  # a weight's direction, or the weight
        weight = torch_name.rpartition("_")[0] if norm else torch_name
        transposed = weight in kind.transposed or (packed and name == "out_proj.weight")
        found.shapes[torch_name] = comparable_shape(kind, shape[::-1] if transposed else shape, torch_name)
        found.parts[torch_name] = [Part(join(path, name), transposed=transposed)]
    if found.shapes:
        yield found
    for name, member in [] if kind.whole else layer.named_children():
        yield from _paddle_layers(member, join(path, name), seen)


def own_tensors(layer: Any, with_members: bool, seen: set[int]) -> dict[str, Any]:
    """Name -> tensor of a Paddle layer, and of the layers inside it where asked for; those of `seen` are left out."""
    found = {}
    for name, tensor in [
        *layer.named_parameters(include_sublayers=with_members),
        *layer.named_buffers(include_sublayers=with_members),
    ]:
        if id(tensor) not in seen and not is_empty(tensor):
            seen.add(id(tensor))
            found[name] = tensor
    return found


def pack_projections(found: TensorLayer, tensors: dict[str, Any]) -> None:
    """Take the three projections out of Paddle's tensors and enter them under PyTorch's names.

    PyTorch packs them into `in_proj_weight` [3E, E], or keeps three where keys or values have another size.
    """
    weights = [tensors.pop(f"{name}.weight") for name in PROJECTIONS]
    biases = [tensors.pop(f"{name}.bias", None) for name in PROJECTIONS]
    size = weights[0].shape[1]
    rows = [(i * size, (i + 1) * size) for i in range(3)]
    if all(list(weight.shape) == [size, size] for weight in weights):
        found.shapes["in_proj_weight"] = (3 * size, size)
        found.parts["in_proj_weight"] = [
            Part(join(found.name, f"{name}.weight"), taken, True) for name, taken in zip(PROJECTIONS, rows)
        ]
    else:
        for name, weight in zip(PROJECTIONS, weights):
            found.shapes[f"{name}_weight"] = tuple(weight.shape)[::-1]
            found.parts[f"{name}_weight"] = [Part(join(found.name, f"{name}.weight"), None, True)]
    if all(bias is not None for bias in biases):
        found.shapes["in_proj_bias"] = (3 * size,)
        found.parts["in_proj_bias"] = [
            Part(join(found.name, f"{name}.bias"), taken) for name, taken in zip(PROJECTIONS, rows)
        ]


def parametrized(layer: Any) -> list[tuple[str, str, Any]]:
    """(Name of `torch.nn.utils.weight_norm` or `spectral_norm`, own name, tensor) of a PyTorch module's tensors that
    `torch.nn.utils.parametrizations` holds; Paddle's names are those of the former.
    """
    found = []
    for weight, held in getattr(layer, "parametrizations", {}).items():
        tensors = {**dict(held.named_parameters()), **dict(held.named_buffers())}
        if set(tensors) <= set(PARAMETRIZED):
            found += [
                (weight + PARAMETRIZED[name], f"parametrizations.{weight}.{name}", tensor)
                for name, tensor in tensors.items()
            ]
    return found


def comparable_shape(kind: Kind, shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """The shape, or the number of values for what Paddle holds in another shape: some kinds, and a weight's length."""
    return (math.prod(shape),) if kind.name in RESHAPED or name.endswith("_g") else shape


def without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The lengths that are not 1: a 1x1 convolution holds what a linear layer does."""
    return tuple(length for length in shape if length != 1)


def named_tensors(model: Any) -> dict[str, Any]:
    """Every parameter and buffer of a model of either framework; one that is shared has its first name only."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if id(tensor) not in seen and not is_empty(tensor):
            seen.add(id(tensor))
            found[name] = tensor
    return found


def is_empty(tensor: Any) -> bool:
    """Whether a tensor of Paddle holds nothing yet, such as the state of the dropout of a recurrent network."""
    return hasattr(tensor, "_is_initialized") and not tensor._is_initialized()


def other_names(model: Any) -> dict[str, str]:
    """Further name -> first name of every tensor that several layers of a model share, as its state dict has them."""
    first = {id(tensor): name for name, tensor in named_tensors(model).items()}
    found = {}
    for path, layer in layers_by_every_name(model):
        for table in (layer._parameters, layer._buffers):
            for name, tensor in table.items():
                full = join(path, name)
                if id(tensor) in first and first[id(tensor)] != full:
                    found[full] = first[id(tensor)]
    return found


def unsaved(model: Any) -> list[str]:
    """The buffers that the model's state dict leaves out."""
    saved = model.state_dict()
    return [name for name in named_tensors(model) if name not in saved]


def layers_by_every_name(model: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(Path, layer) for each path to it: a layer that several others share has several."""
    yield path, model
    for name, member in (getattr(model, "_modules", None) or getattr(model, "_sub_layers", {})).items():
        if member is not None:
            yield from layers_by_every_name(member, join(path, name))
