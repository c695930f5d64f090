"""Dropout in both frameworks: off, or with the same masks, drawn from one seeded generator of NumPy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

DROPOUT = ("off", "same masks")


class Draw(NamedTuple):
    """A call of dropout. kind: "dropout", "alpha dropout" or that of a recurrent layer. shape: that of the mask. p: the
    probability to drop.
    """

    kind: str
    shape: tuple[int, ...]
    p: float

    def __str__(self) -> str:
        return f"{self.kind} with p {self.p:g} on {list(self.shape)}"


@dataclass(frozen=True)
class AlphaDropout:
    """What alpha dropout computes: (x * mask + (1 - mask) * dropped) * a + b, whose mean and variance are x's."""

    a: float
    b: float
    dropped: float = -1.7580993408473766  # -alpha * scale of SELU

    @classmethod
    def of(cls, p: float) -> AlphaDropout:
        """The one that drops with probability p, below 1."""
        a = ((1 - p) * (1 + p * cls.dropped**2)) ** -0.5
        return cls(a, -a * cls.dropped * p)


class Draws:
    """The masks of one model. same: draw them; else dropout is off.

    The n-th mask of a number of values is the same for every model, whatever the shape: attention has
    [batch * heads, L, S] in PyTorch and [batch, heads, L, S] in Paddle. Models whose dimensions have another order,
    [L, batch, E] against [batch, L, E], drop other values, which `different_draw` names. seen: every draw.
    """

    def __init__(self, same: bool = False):
        self.same = same
        self.counts: Counter[int] = Counter()
        self.seen: list[Draw] = []

    def mask(self, shape: tuple[int, ...], p: float, kind: str = "dropout") -> np.ndarray:
        """The next mask: float64, 1 where a value is kept."""
        self.seen.append(Draw(kind, tuple(shape), p))
        size = int(np.prod(shape))
        self.counts[size] += 1
        generator = np.random.default_rng([11, size, self.counts[size]])
        return (generator.random(size) >= p).astype("float64").reshape(shape)


def different_draw(a: list[Draw], b: list[Draw], names: tuple[str, str]) -> str:
    """How the draws of two models differ first, in the order of the first; "" where they do not.

    Draws are held against each other by their number of values, because the models may order branches differently.
    """
    by_size: dict[int, tuple[list[Draw], list[Draw]]] = {}
    for number, draws in enumerate((a, b)):
        for draw in draws:
            by_size.setdefault(int(np.prod(draw.shape)), ([], []))[number].append(draw)
    for size, (first, second) in by_size.items():
        for number, (one, other) in enumerate(zip(first, second), 1):
            said = f"mask {number} of {size} values: {names[0]} has {one}, {names[1]} {other}"
            if abs(one.p - other.p) > 1e-12 or one.kind != other.kind:
                return said
            if one.shape != other.shape and sorted(one.shape) == sorted(other.shape):
                return f"{said}: with dimensions in another order it drops other values"
        if len(first) != len(second):
            one = (first or second)[0]
            return f"{names[0]} draws {len(first)} masks of {size} values, {names[1]} {len(second)}; the first is {one}"
    return ""
