"""A network or a layer that both libraries have, made by each of them, and what is known to differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Inputs = Callable[[int], Any]  # from a seed to the inputs of a model


@dataclass(frozen=True)
class LibraryPair:
    """name: what it is called in the table. torch, paddle: functions that make the model. inputs: a function from a
    seed to the inputs. align: the lines that the comparison needs beside names, inputs and order. differs: what differs
    between the two libraries, a sentence each. equal: whether the models are equal but for the frameworks' constants.
    """

    name: str
    torch: Callable[[], Any]
    paddle: Callable[[], Any]
    inputs: Inputs
    align: dict[str, str | None] = field(default_factory=dict)
    differs: tuple[str, ...] = ()
    equal: bool = True


def normal(*shapes: tuple[int, ...]) -> Inputs:
    """Standard normal arrays of these shapes, one positional argument each."""

    def make(seed: int) -> tuple[np.ndarray, ...]:
        numbers = np.random.default_rng(seed)
        return tuple(numbers.standard_normal(shape) for shape in shapes)

    return make


def indices(count: int, shape: tuple[int, ...]) -> Inputs:
    """Integers from 0 to before `count`."""
    return lambda seed: np.random.default_rng(seed).integers(0, count, shape)
