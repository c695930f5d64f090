"""`load_model`: a checkpoint of any layout and file format as a PyTorch network."""

import numpy as np
import torch

from torch_ref.create import create_model


def assign_weights(model, tensors: dict[str, np.ndarray]):
    """Fill `model` with canonical tensors, every one of them, in PyTorch's orientation. Returns the model.

    Raises RuntimeError (PyTorch's) for missing, unexpected or misshapen tensors.
    """
    state = {name: torch.from_numpy(np.array(array)) for name, array in tensors.items()}
    model.load_state_dict(state, strict=True)
    return model


def load_model(path, layout: str = "auto", num_segments: int = 8, **options):
    """The network in the file `path`, in evaluation mode; see `paddle_tsm.load_model` for the arguments and errors.

    The file is read by paddle_tsm's readers and key maps, which import neither framework.
    """
    from paddle_tsm.layouts.network_file import read_network

    found = read_network(path, layout=layout, num_segments=num_segments, **options)
    network_options = found.network.options()
    model = create_model(found.network.arch, **network_options)
    return assign_weights(model, found.tensors).eval()
