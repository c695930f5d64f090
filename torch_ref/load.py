"""`load_model`: a checkpoint of any layout and file format as a PyTorch network."""

import numpy as np
import torch

from torch_ref.create import create_model


def assign_weights(model, tensors: dict[str, np.ndarray], left_out: tuple[str, ...] = ()):
    """Fill `model` with canonical tensors in PyTorch's orientation. Returns the model.

    left_out: tensors of the model that keep what they have. Raises RuntimeError (PyTorch's) for missing, unexpected or
    misshapen tensors.
    """
    state = {name: to_tensor(array) for name, array in tensors.items()}
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked") and name not in state:  # Paddle's files have none
            state[name] = torch.zeros_like(tensor)
        elif name in left_out:
            state[name] = tensor
    model.load_state_dict(state, strict=True)
    return model


def to_tensor(array: np.ndarray):
    """A copy as a tensor; bfloat16, which NumPy does not have, as float32."""
    return torch.from_numpy(np.array(array, "float32") if array.dtype.name == "bfloat16" else np.array(array))


def load_model(path, layout: str = "auto", num_segments: int | None = None, **options):
    """The network in the file `path`, in evaluation mode; see `paddle_tsm.load_model` for the arguments and errors.

    The file is read by paddle_tsm's readers and key maps, which import neither framework.
    """
    from paddle_tsm.layouts.network_file import read_network

    found = read_network(path, layout=layout, num_segments=num_segments, **options)
    network, tensors = found.as_asked()
    return assign_weights(create_model(network.arch, **network.options()), tensors).eval()


def load_pretrained(model, path, layout: str = "auto", without_classifier: bool = False, **options):
    """Fill a model with the weights of another training; see `paddle_tsm.load_pretrained`. Returns the model."""
    from paddle_tsm.layouts.network_file import read_network

    network, tensors = read_network(path, layout=layout, **options).as_asked()
    left_out = (f"{network.classifier}.weight", f"{network.classifier}.bias") if without_classifier else ()
    if network.non_local is None:
        left_out += tuple(name for name in model.state_dict() if ".non_local." in name)
    return assign_weights(model, {name: array for name, array in tensors.items() if name not in left_out}, left_out)
