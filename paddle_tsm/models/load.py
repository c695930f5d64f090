"""`load_model` and `load_pretrained`: a checkpoint of any layout and file format as a Paddle model."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
from paddle import nn

from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.layouts.pretrained_fit import check_fits, with_stem_for
from paddle_tsm.models.create import build
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.families import is_linear_weight

Weights = TypeVar("Weights", bound=nn.Layer)


def assign_weights(model: Weights, tensors: dict[str, np.ndarray], left_out: tuple[str, ...] = ()) -> Weights:
    """Fill `model` with canonical tensors in PyTorch's orientation. Returns the model.

    Linear weights are transposed for Paddle. left_out: the names of tensors that keep their values. A BatchNorm's step
    counter may be missing, as in Paddle's files, and is then 0. Raises ValueError, and assigns nothing, where another
    tensor is missing, left over or of another shape.
    """
    state = {name: target for name, target in model.state_dict().items() if name not in left_out}
    arrays = {name: array.T if is_linear_weight(name) else array for name, array in tensors.items()}
    missing = {name for name in state.keys() - arrays.keys() if not name.endswith("num_batches_tracked")}
    unexpected = arrays.keys() - state.keys()
    if missing or unexpected:
        raise ValueError(
            f"weights: missing {sorted(missing)[:3]}, unexpected {sorted(unexpected)[:3]}; are they "
            "of another architecture?"
        )
    for name, array in arrays.items():
        if list(array.shape) != list(state[name].shape):
            raise ValueError(f"{name}: expected {list(state[name].shape)}, found {list(array.shape)}")
    for name, target in state.items():
        array = arrays.get(name, np.zeros((), "int64"))
        kind = str(target.dtype).rsplit(".", 1)[-1]
        target.set_value(np.ascontiguousarray(array.astype(kind)).reshape(array.shape))
    return model


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

    path: a checkpoint of any known layout. Its format (PyTorch's zip or legacy pickle, safetensors, .pdparams) is told
    by content. layout: "auto", or the layout's name. num_segments (8 by default), options: as for `create_model`. They
    are needed only where the file cannot say them; a file that paddle-tsm wrote says all of them.

    For a fork, whose keys differ from a known network's: ignore: patterns of keys that are left out, such as "attn.*".
    strip_prefix: what the keys begin with, such as "encoder". rename: {old: new}, such as {"head": "fc"}, for keys that
    begin with `old` once the prefix is gone. All are whole dotted segments, and one that concerns no key is an error.

    Raises ValueError (CheckpointError), in one line, for a file that is not then exactly a known network.
    """
    edits: dict[str, Any] = {"strip_prefix": strip_prefix, "rename": rename, "ignore": ignore}
    found = read_network(path, layout=layout, num_segments=num_segments, **edits, **options)
    network, tensors = found.as_asked()
    model = assign_weights(build(network), tensors)
    model.eval()
    return model


def load_pretrained(
    model: Weights, path: str | os.PathLike, layout: str = "auto", without_classifier: bool = False, **options: Any
) -> Weights:
    """Fill `model` with the weights of another training, on ImageNet or of another TSM network. Returns the model.

    without_classifier: keep the model's own classifier, so that the numbers of classes may differ. layout, options: as
    for `load_model`; torchvision's files need neither. Where the model takes other input channels than the 3 of a
    picture, its first convolution gets the mean of the file's over the channels, for each channel. Where the file's
    network has no non-local blocks, the model's keep their values; freshly drawn ones are the identity. Raises
    ValueError where the file holds another architecture, and where any other tensor is missing, left over or of another
    shape.
    """
    found = read_network(path, layout=layout, **options)
    if isinstance(model, Recognizer):
        check_fits(found, model.network, without_classifier)
    network, tensors = found.as_asked()
    if isinstance(model, Recognizer):
        tensors = with_stem_for(model.network, network, tensors)
    left_out = (f"{network.classifier}.weight", f"{network.classifier}.bias") if without_classifier else ()
    if network.non_local is None:
        left_out += tuple(name for name in model.state_dict() if ".non_local." in name)
    tensors = {name: array for name, array in tensors.items() if name not in left_out}
    return assign_weights(model, tensors, left_out)
