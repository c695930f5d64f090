"""Nested inputs and outputs of a model: tuples, lists, dicts and dataclasses of tensors, arrays, numbers or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Path -> leaf, in order; None is left out. The path of the second element of the value at "loss" is "loss[1]".

    >>> leaves({"a": (1, None, [2, 3])})
    {'a[0]': 1, 'a[2][0]': 2, 'a[2][1]': 3}
    """
    if value is None:
        return {}
    value = as_dict(value)
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, member in value.items():
            found |= leaves(member, f"{path}.{key}" if path else str(key))
        return found
    if isinstance(value, (tuple, list)):
        found = {}
        for number, member in enumerate(value):
            found |= leaves(member, f"{path}[{number}]")
        return found
    return {path: value}


def as_dict(value: Any) -> Any:
    """A dataclass, such as a model may return, as a dict of its fields; anything else as it is."""
    if is_dataclass(value) and not isinstance(value, (type, Mapping)):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value


def map_leaves(change: Callable[[Any], Any], value: Any) -> Any:
    """The same structure with change(leaf) for each leaf; None stays, and a dataclass becomes a dict."""
    if value is None:
        return None
    value = as_dict(value)
    if isinstance(value, Mapping):
        return {key: map_leaves(change, member) for key, member in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # a named tuple takes its members one by one
        return type(value)(*(map_leaves(change, member) for member in value))
    if isinstance(value, (tuple, list)):
        return type(value)(map_leaves(change, member) for member in value)
    return change(value)


def call_arguments(inputs: Any) -> tuple[tuple, dict[str, Any]]:
    """(positional, named) arguments of a model's call: a tuple is the positional ones, a dict the named ones, and
    anything else is the only argument.
    """
    if isinstance(inputs, tuple):
        return inputs, {}
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (inputs,), {}


def as_arrays(value: Any) -> Any:
    """The structure with a new NumPy array for every tensor, array and number that it holds."""
    return map_leaves(as_array, value)


def as_array(leaf: Any) -> np.ndarray:
    """A new NumPy array of a tensor of either framework, of an array or of a number."""
    array = values_of(leaf)
    # Paddle's numpy() has made a new one
    return array if hasattr(leaf, "set_value") else np.array(array)


def values_of(leaf: Any) -> np.ndarray:
    """The values as a NumPy array, which may be the tensor's own memory: a large tensor is not copied.

    bfloat16, which NumPy does not have, becomes float32, which holds each of its values.
    """
    if hasattr(leaf, "detach"):
        leaf = leaf.detach()
        if str(leaf.dtype).endswith("bfloat16"):
            leaf = leaf.astype("float32") if hasattr(leaf, "astype") else leaf.float()
        leaf = leaf.numpy()
    return np.asarray(leaf)


def as_real(array: np.ndarray) -> np.ndarray:
    """Real and imaginary parts of complex numbers one beside the other: [..., 2]. Other arrays as they are."""
    return np.stack([array.real, array.imag], -1) if array.dtype.kind == "c" else array


COMPLEX = {"float64": "complex128", "float32": "complex64"}  # a precision -> complex numbers of the same


def in_precision(value: Any, dtype: str) -> Any:
    """The structure of arrays with every array of floating-point or complex numbers in this precision; integers and
    booleans stay.
    """
    kinds = {"f": dtype, "c": COMPLEX[dtype]}
    return map_leaves(lambda array: array.astype(kinds.get(array.dtype.kind, array.dtype)), value)
