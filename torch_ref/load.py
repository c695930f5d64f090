"""Checkpoints as PyTorch networks. The files are read by `paddle_tsm`'s readers, which use no framework."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch

from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.layouts.pretrained_fit import check_fits
from torch_ref.create import create_model
from torch_ref.recognizer import Recognizer

Weights = TypeVar("Weights", bound=torch.nn.Module)


def assign_weights(model: Weights, tensors: dict[str, np.ndarray], left_out: tuple[str, ...] = ()) -> Weights:
    """Fill `model` with arrays. Returns the model.

    tensors: canonical name -> array in PyTorch's orientation. left_out: names of tensors of the model that keep their
    values. A BatchNorm's step counter may be missing and is then 0. `load_state_dict` raises RuntimeError where another
    tensor is missing, left over or of another shape.
    """
    counters = {name: torch.tensor(0) for name, _ in model.named_buffers() if name.endswith(".num_batches_tracked")}
    kept = {name: tensor for name, tensor in model.state_dict().items() if name in left_out}
    model.load_state_dict(counters | kept | {name: as_parameter(array) for name, array in tensors.items()})
    return model


def as_parameter(array: np.ndarray) -> torch.Tensor:
    """A tensor with a copy of the array. bfloat16 becomes float32, because PyTorch does not take it from NumPy."""
    return torch.tensor(np.asarray(array, dtype="float32" if array.dtype.name == "bfloat16" else None, order="C"))


def load_model(
    path: str | os.PathLike,
    layout: str = "auto",
    num_segments: int | None = None,
    *,
    strip_prefix: str | None = None,
    rename: Mapping[str, str] | None = None,
    ignore: str | Iterable[str] = (),
    **options: Any,
) -> Recognizer:
    """The network in the file `path`, in evaluation mode.

    It takes the arguments and files of `paddle_tsm.load_model`, and raises the same errors.
    """
    changes: dict[str, Any] = {"strip_prefix": strip_prefix, "rename": rename, "ignore": ignore}
    network, tensors = read_network(path, layout, num_segments=num_segments, **changes, **options).as_asked()
    model = create_model(network.arch, **network.options())
    return assign_weights(model, tensors).eval()


def load_pretrained(
    model: Weights, path: str | os.PathLike, layout: str = "auto", without_classifier: bool = False, **options: Any
) -> Weights:
    """Start `model` from the weights of another training. Returns the model.

    It takes the arguments and files of `paddle_tsm.load_pretrained`, and the same tensors keep their values.
    """
    source = read_network(path, layout, **options)
    if hasattr(model, "network"):  # one of ours, not any module with the same tensors
        check_fits(source, model.network, without_classifier)
    network, tensors = source.as_asked()
    if hasattr(model, "network") and model.network.in_channels != network.in_channels:
        tensors = tensors | kernels_of_another_input(model, tensors)

    def keeps_value(name: str) -> bool:
        in_new_classifier = without_classifier and name.rpartition(".")[0] == network.classifier
        return in_new_classifier or network.non_local is None and ".non_local." in name

    left_out = tuple(filter(keeps_value, model.state_dict()))
    return assign_weights(model, {name: array for name, array in tensors.items() if not keeps_value(name)}, left_out)


def kernels_of_another_input(model: torch.nn.Module, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The kernels that see the model's input, from those of a network with another input: their mean over the input
    channels, expanded to the model's. Source: MIT ops/models.py 1f6a834 `TSN._construct_flow_model`.
    """
    found = {}
    for name, wanted in model.state_dict().items():
        if wanted.dim() == 4 and name in tensors and tensors[name].shape[1] != wanted.shape[1]:
            found[name] = as_parameter(tensors[name]).mean(dim=1, keepdim=True).expand_as(wanted).numpy()
    return found
