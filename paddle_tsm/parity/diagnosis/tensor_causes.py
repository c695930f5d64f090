"""How the weights that two models have of their own differ: transposed, gates in another order, another tensor's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from paddle_tsm.parity.diagnosis.cause import Cause
from paddle_tsm.parity.diagnosis.relations import Relation, far, relations
from paddle_tsm.parity.named_tensors import THE_MODEL, layer_of
from paddle_tsm.parity.tolerance import TOLERANCES

Tensors = dict[str, np.ndarray]
GATES = {4: "input, forget, cell, output", 3: "the first, second, third"}  # of an LSTM; of a GRU, or of attention
WEIGHTS = "other weights"
# The kind of a relation of two outputs -> that of two weights, whose axis 0 is of the output's channels
OF_WEIGHTS = {"layout": "transposed weight", "order of the batch": "channel permutation"}


def tensor_causes(own: Tensors, other: Tensors) -> list[Cause]:
    """A cause for every tensor that differs, in the order of `own`. own: PyTorch's. other: Paddle's, by PyTorch's
    names and in its orientation.
    """
    limit = TOLERANCES["float64"].limit
    causes = []
    for name, array in own.items():
        distance = far(array.astype("float64"), other[name].astype("float64"))
        if distance <= limit:
            continue
        found = next(tensor_relations(name, own, other[name]), None)
        start = f"{name}: the two models' own tensors differ by {distance:.1e}"
        layer = layer_of(name) or THE_MODEL
        if found is None:
            sentence = f"{start}, and neither is made of the other by an order of its values or a factor"
            causes.append(Cause(layer, WEIGHTS, "", "", sentence))
        else:
            sentence = f"{start}; Paddle's values are {found.after} by {found.distance:.1g}"
            causes.append(Cause(layer, found.kind, "", found.after, sentence))
    return causes


def tensor_relations(name: str, own: Tensors, other: np.ndarray) -> Iterator[Relation]:
    """What makes Paddle's tensor of PyTorch's of this name, the simplest first."""
    array = own[name]
    a, b = array.astype("float64"), other.astype("float64")
    if a.shape == b.shape[::-1] and a.ndim == 2 and far(a.T, b) == 0:
        yield Relation("transposed weight", "PyTorch's transposed", 0.0)
    if a.ndim and a.shape == b.shape:
        for count, words in GATES.items():
            if a.shape[0] % count == 0 and a.shape[0] > count:
                yield from in_another_order(a, b, count, words)
    for twin, values in own.items():
        if twin != name and values.shape == other.shape and far(values.astype("float64"), b) == 0:
            if np.ptp(b) > 0 or layer_of(twin) == layer_of(name):
                yield Relation("another tensor", f"PyTorch's {twin}", 0.0)
    for dtype in ("float32", "float16"):
        rounded = a.astype(dtype).astype("float64")
        if 0 < far(a, rounded) and far(rounded, b) == 0:
            yield Relation("rounded", f"PyTorch's rounded to {dtype}", 0.0)
    kernel = tuple(range(2, a.ndim))
    if len(kernel) > 1 and a.shape == b.shape and far(np.flip(a, kernel), b) == 0:
        yield Relation("flipped axis", f"PyTorch's with the places of its last {len(kernel)} axes reversed", 0.0)
    for found in relations(a, b):
        kind = OF_WEIGHTS.get(found.kind, found.kind)
        yield Relation(kind, found.after, found.distance)


def in_another_order(a: np.ndarray, b: np.ndarray, count: int, words: str) -> Iterator[Relation]:
    """The equal blocks of rows in another order."""
    blocks = np.split(a, count)
    for order in permutations(range(count)):
        if list(order) != sorted(order) and far(np.concatenate([blocks[i] for i in order]), b) == 0:
            numbers = ", ".join(str(i + 1) for i in order)
            yield Relation("gate order", f"PyTorch's, its {count} blocks of rows ({words}) in the order {numbers}", 0.0)
