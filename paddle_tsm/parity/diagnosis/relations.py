"""How one array can be made of another without knowing how it was computed: exchanged axes, permuted channels, values
displaced along an axis, a constant factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

LIMIT = 1e-9  # of the largest magnitude: two arrays that one of these relations explains are as good as equal


@dataclass(frozen=True)
class Relation:
    """kind: a word for programs. after: what Paddle's values are of PyTorch's, in words. distance: what remains of the
    difference, of the largest magnitude.
    """

    kind: str
    after: str
    distance: float


def far(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, of the largest magnitude; infinite for other shapes and for what is not finite."""
    if a.shape != b.shape or not a.size:
        return float("inf")
    largest = max(float(np.abs(a).max()), float(np.abs(b).max()), 1e-300)
    found = float(np.abs(a - b).max()) / largest
    return found if np.isfinite(found) else float("inf")


def relations(a: np.ndarray, b: np.ndarray) -> Iterator[Relation]:
    """Every relation that makes b of a, the simplest first. a: PyTorch's. b: Paddle's."""
    if a.dtype.kind != "f" or b.dtype.kind != "f" or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return
    if a.size != b.size or not a.size:
        return
    for kind, after, made in [*of_numbers(a, b), *of_axes(a, b)]:
        distance = far(made, b)
        if distance <= LIMIT:
            yield Relation(kind, after, distance)
    if a.shape == b.shape:
        yield from of_permutations(a, b)
        yield from of_displacements(a, b)


def of_numbers(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """A sign, a factor, an offset, for all values or for each channel; less precision."""
    if a.shape != b.shape:
        return
    for precision in ("float32", "float16"):
        with np.errstate(over="ignore"):
            yield "rounded", f"PyTorch's rounded to {precision}", a.astype(precision).astype(a.dtype)
    yield "sign", "PyTorch's negated", -a
    factor = float((a * b).sum() / max(float((a * a).sum()), 1e-300))
    yield "constant factor", f"{factor:.6g} times PyTorch's", a * factor
    offset = float((b - a).mean())
    yield "constant offset", f"PyTorch's and {offset:.6g} added", a + offset
    for axis in range(1, a.ndim):
        others = tuple(i for i in range(a.ndim) if i != axis)
        size = a.shape[axis]
        if a.size > 4 * size and 1 < size:
            top = (a * b).sum(others, keepdims=True)
            bottom = np.maximum((a * a).sum(others, keepdims=True), 1e-300)
            yield (
                "factor of channels",
                f"PyTorch's times a factor for each of the {size} places of axis {axis}",
                a * (top / bottom),
            )
            shift = (b - a).mean(others, keepdims=True)
            yield (
                "offset of channels",
                f"PyTorch's and a number added for each of the {size} places of axis {axis}",
                a + shift,
            )


def of_axes(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Axes exchanged or flipped, and values that were read in another order of the axes."""
    axes = tuple(range(a.ndim))
    for axis in axes:
        if a.shape == b.shape and a.shape[axis] > 1:
            yield "flipped axis", f"PyTorch's flipped along axis {axis}", np.flip(a, axis)
    for order in permutations(axes) if a.ndim <= 5 else ():
        turned = a.transpose(order)
        if order != axes and turned.shape == b.shape:
            yield "layout", f"PyTorch's with the axes in the order {order}", turned
    if a.shape != b.shape:
        yield "shape", f"PyTorch's as {list(b.shape)}", a.reshape(b.shape)
    for order in permutations(axes) if a.ndim <= 5 else ():
        if order != axes and a.transpose(order).shape != b.shape:
            after = f"PyTorch's read with the axes in the order {order}"
            yield "layout", after, a.transpose(order).reshape(b.shape)


def of_permutations(a: np.ndarray, b: np.ndarray) -> Iterator[Relation]:
    """The places of one axis in another order, found by matching."""
    for axis in [*range(1, a.ndim), 0][: a.ndim]:  # a single number has none
        size = a.shape[axis]
        rows, others = (np.moveaxis(x, axis, 0).reshape(size, -1) for x in (a, b))
        weights = np.random.default_rng(3).standard_normal(rows.shape[1])
        order = np.empty(size, int)
        order[np.argsort(others @ weights, kind="stable")] = np.argsort(rows @ weights, kind="stable")
        distance = far(rows[order], others)
        if size > 1 and distance <= LIMIT:
            kind = "channel permutation" if axis else "order of the batch"
            yield Relation(
                kind, f"PyTorch's with the places of axis {axis} in the order {order_in_words(order)}", distance
            )


def order_in_words(order: np.ndarray) -> str:
    """An order of places, in words where there are some."""
    size = len(order)
    natural = np.arange(size)
    if (order == natural[::-1]).all():
        return "reversed"
    for groups in range(2, size):
        if size % groups == 0 and (order == natural.reshape(groups, -1).T.ravel()).all():
            return f"shuffled in {groups} groups"
    for start in range(1, size):
        if (order == np.roll(natural, -start)).all():
            return f"from {start} on, then the first {start}"
    more = ", ..." if size > 12 else ""
    return ", ".join(map(str, order[:12])) + more


def of_displacements(a: np.ndarray, b: np.ndarray) -> Iterator[Relation]:
    """Values displaced along an axis in some channels, such as a temporal shift in the other direction."""
    for channels in range(1, a.ndim):
        for axis in range(a.ndim):
            if axis == channels:
                continue
            found = displacements(a, b, channels, axis, (0, 2, -2, 1, -1))
            if found is not None and any(found):
                turned = all(abs(step) in (0, 2) for step in found)
                after = f"PyTorch's displaced along axis {axis}, but for slices of zeros: {in_runs(found)}"
                yield Relation("shift direction" if turned else "shift", after, 0.0)


def displacements(a: np.ndarray, b: np.ndarray, channels: int, axis: int, steps: tuple[int, ...]) -> list[int] | None:
    """For each channel the number of places by which b is a displaced along the axis; None where one is not.

    Slices of zeros at the ends of a clip match any other.
    """
    if a.shape[axis] < 2:
        return None
    order = [channels, axis, *(i for i in range(a.ndim) if i not in (channels, axis))]
    rows, others = (x.transpose(order).reshape(x.shape[channels], x.shape[axis], -1) for x in (a, b))
    limit = LIMIT * max(float(np.abs(a).max()), 1e-300)
    found = []
    for one, other in zip(rows, others):
        step = next((step for step in steps if displaced(one, other, step, limit)), None)
        if step is None:
            return None
        found.append(step)
    return found


def displaced(a: np.ndarray, b: np.ndarray, step: int, limit: float) -> bool:
    """Whether b[i + step] is a[i], [T, values], but for slices of zeros in either."""
    size = len(a) - abs(step)
    if size < 1:
        return False
    first, second = (a[:size], b[step:]) if step >= 0 else (a[-step:], b[:size])
    same = np.abs(first - second).max(1) <= limit
    if step == 0:
        return bool(same.all())
    empty = (np.abs(first).max(1) == 0) | (np.abs(second).max(1) == 0)
    return bool((same | empty).all() and (same & ~empty).sum() * 4 >= size)


def in_runs(steps: list[int]) -> str:
    """Channels with the same displacement together: "channels 0 to 3 by 2, 4 to 7 by -2"."""
    runs: list[tuple[int, int, int]] = []
    for number, step in enumerate(steps):
        if runs and runs[-1][2] == step and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number, step)
        else:
            runs.append((number, number, step))
    words = [
        f"{first} to {last} by {step:+d}" if first != last else f"{first} by {step:+d}"
        for first, last, step in runs
        if step
    ]
    more = f" and {len(words) - 4} more runs" if len(words) > 4 else ""
    return f"channels {', '.join(words[:4])}{more}"


def shift_of_source(source: np.ndarray, a: np.ndarray, b: np.ndarray) -> Relation | None:
    """Both arrays as the same source displaced along an axis in some channels, in other directions or in others."""
    if not source.shape == a.shape == b.shape:
        return None
    for channels in range(1, a.ndim):
        for axis in range(a.ndim):
            if axis != channels:
                own, other = (displacements(source, x, channels, axis, (0, 1, -1)) for x in (a, b))
                if own and other and any(own):
                    turned = all(p == -q for p, q in zip(own, other))
                    kind = "shift direction" if turned else "shift"
                    after = (
                        f"what goes in displaced along axis {axis}, {in_runs(other) if any(other) else 'nowhere'}; "
                        f"PyTorch's: {in_runs(own) if any(own) else 'nowhere'}"
                    )
                    if own == other:
                        after = f"displaced as PyTorch's along axis {axis}, with other values at the ends"
                    return Relation(kind, after, 0.0)
    return None
