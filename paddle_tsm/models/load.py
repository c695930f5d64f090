"""`load_model`: a checkpoint of any layout and file format as a Paddle network."""

import os
from typing import Any, TypeVar

import numpy as np
from paddle import nn

from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.models.create import build
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.families import is_linear_weight

Weights = TypeVar("Weights", bound=nn.Layer)


def assign_weights(model: Weights, tensors: dict[str, np.ndarray], left_out: tuple[str, ...] = ()) -> Weights:
    """Fill `model` with canonical tensors in PyTorch's orientation; Linear weights are transposed. Returns the model.

    left_out: tensors of the model that keep what they have. A BatchNorm's step counter may be missing (Paddle's files
    have none) and is then 0. Raises ValueError where another tensor is missing, left over or of another shape; nothing
    is assigned then.
    """
    state = {name: target for name, target in model.state_dict().items() if name not in left_out}
    arrays = {name: array.T if is_linear_weight(name) else array for name, array in tensors.items()}
    missing = {name for name in state.keys() - arrays.keys() if not name.endswith("num_batches_tracked")}
    unexpected = arrays.keys() - state.keys()
    if missing or unexpected:
        raise ValueError(f"weights: missing {sorted(missing)[:3]}, unexpected {sorted(unexpected)[:3]}")
    for name, array in arrays.items():
        if list(array.shape) != list(state[name].shape):
            raise ValueError(f"{name}: expected {list(state[name].shape)}, found {list(array.shape)}")
    for name, target in state.items():
        array = arrays.get(name, np.zeros((), "int64"))
        kind = str(target.dtype).rsplit(".", 1)[-1]
        target.set_value(np.ascontiguousarray(array.astype(kind)).reshape(array.shape))
    return model


def load_model(
    path: str | os.PathLike, layout: str = "auto", num_segments: int | None = None, **options: Any
) -> Recognizer:
    """The network in the file `path`, in evaluation mode.

    path: a checkpoint of any known layout: PyTorch zip or legacy pickle, safetensors or .pdparams, told apart by
    content. layout: "auto", or the layout's name. num_segments (8), options: as for `create_model`; needed only where
    the file cannot say them, as one that paddle-tsm wrote can. Raises ValueError (CheckpointError), in one line, for a
    file that is not exactly a known network.
    """
    found = read_network(path, layout=layout, num_segments=num_segments, **options)
    network, tensors = found.as_asked()
    model = assign_weights(build(network), tensors)
    model.eval()
    return model


def load_pretrained(
    model: Weights, path: str | os.PathLike, layout: str = "auto", without_classifier: bool = False, **options: Any
) -> Weights:
    """Fill a model with the weights of another training: ImageNet's, or another TSM network's. Returns the model.

    without_classifier: leave out the file's classifier and keep the model's own, whatever its number of classes; all
    other tensors are strict. layout, options: as for `load_model`; torchvision's names are also the canonical ones, so
    that both are found by themselves. Non-local blocks that the file's network has not keep what they have: drawn, they
    are the identity. Raises ValueError where a tensor is missing, left over or of another shape.
    """
    found = read_network(path, layout=layout, **options)
    network, tensors = found.as_asked()
    left_out = (f"{network.classifier}.weight", f"{network.classifier}.bias") if without_classifier else ()
    if network.non_local is None:
        left_out += tuple(name for name in model.state_dict() if ".non_local." in name)
    tensors = {name: array for name, array in tensors.items() if name not in left_out}
    return assign_weights(model, tensors, left_out)
