"""Sequences of unlike lengths, in the one form in which both frameworks' recurrent layers are compared.

PyTorch packs them (`pack_padded_sequence`), Paddle's layers take the padded array and the lengths. What stands behind
the end of a sequence is read by neither: both are compared as [batch, time, ...] with zeros there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.structure import as_array


def unpacked(value: Any) -> Any:
    """The value, in which each of PyTorch's packed sequences is the padded array [batch, time, ...]."""
    if hasattr(value, "batch_sizes") and hasattr(value, "unsorted_indices"):
        from torch.nn.utils.rnn import pad_packed_sequence

        return pad_packed_sequence(value, batch_first=True)[0]
    return tuple(unpacked(member) for member in value) if type(value) is tuple else value


def cut_to_lengths(layer: Any, arguments: tuple) -> tuple:
    """A call's arguments, in which the input of a recurrent layer of Paddle is 0 behind the end of each sequence."""
    if not hasattr(layer, "time_major") or not arguments:
        return arguments
    lengths = [as_array(found) for found in arguments[1:] if "int" in str(getattr(found, "dtype", ""))]
    array = as_array(arguments[0])
    batch, time = (1, 0) if layer.time_major else (0, 1)
    if len(lengths) != 1 or array.ndim < 3 or lengths[0].shape != (array.shape[batch],):
        return arguments
    places = np.arange(array.shape[time])[None] < lengths[0][:, None]
    places = (places.T if layer.time_major else places).reshape(*array.shape[:2], *[1] * (array.ndim - 2))
    return (np.where(places, array, np.zeros((), array.dtype)), *arguments[1:])
