"""Names for what a model gives, and the loss that compares everything it gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.structure import as_array, as_real, leaves

# Paddle's word for an array of an optimizer's state -> PyTorch's
STATE = {
    "velocity": "momentum_buffer",
    "moment1": "exp_avg",
    "moment2": "exp_avg_sq",
    "moment2_max": "max_exp_avg_sq",
    "moment": "sum",
    "mean_square": "square_avg",
}


@dataclass(frozen=True)
class Step:
    """What a training step gave. logits: every output of floating-point numbers, flat, one behind the other."""

    loss: float
    grad_norm: float
    logits: np.ndarray


def named_outputs(value: Any) -> dict[str, np.ndarray]:
    """Name -> array: "output" for the only one, else "output[1]" or "output.boxes"; of a dict always with its key."""
    found = leaves(value)
    if len(found) == 1 and next(iter(found)).strip("[]0123456789") == "":
        (leaf,) = found.values()
        return {"output": as_array(leaf)}
    return {f"output{path if path.startswith('[') else '.' + path}": as_array(leaf) for path, leaf in found.items()}


def flat(value: Any) -> np.ndarray:
    """Every output of floating-point or complex numbers, flat, one behind the other."""
    arrays = [as_real(array).ravel() for array in named_outputs(value).values() if array.dtype.kind in "fc"]
    return np.concatenate(arrays) if arrays else np.zeros(0)


def projection(shape: tuple[int, ...], number: int) -> np.ndarray:
    """Seeded weights for the output of this number: standard normal, over the square root of their number, so that a
    loss of an output of any size is of the size of its values.
    """
    weights = np.random.default_rng([7, number]).standard_normal(shape)
    return weights / max(weights.size, 1) ** 0.5


def takes_gradient(array: np.ndarray) -> bool:
    """Whether the gradient of an input is compared: not of integers, nor of a mask of 0 and minus infinity."""
    return array.dtype.kind == "f" and not np.isneginf(array).any()


def total_norm(gradients: Iterable[np.ndarray]) -> float:
    """The norm of all gradients together."""
    flat_arrays = (as_real(array).ravel().astype("float64", copy=False) for array in gradients)
    return float(np.sqrt(sum(float(array @ array) for array in flat_arrays)))


def by_first_word(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of tensors by the first word of each: the rows of a report."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.partition(".")[0], []).append(name)
    return groups
