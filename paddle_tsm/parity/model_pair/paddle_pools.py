"""Paddle's average pools with the exact slope in the backward pass, so that what is left of a difference is the port's.

The kernel takes the mean of a window of n values exactly, but multiplies the gradient by 1 / n as float32 holds it, in
float64, too. Where n is no power of two, a gradient behind such a pool differs by up to 6e-8 of itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import paddle

KERNELS = {"pool2d": 2, "pool3d": 3}  # name in paddle._C_ops -> axes; one dimension goes through two


@contextlib.contextmanager
def exact_average_pools(met: set[str]) -> Iterator[None]:
    """While the context lasts, gradients in float64 go back through average pools with the exact 1 / n.

    met: takes "avg_pool" where that changes one.
    """
    originals = {name: getattr(paddle._C_ops, name) for name in KERNELS}

    def exact(name: str) -> Any:
        def pool(x: Any, *arguments: Any) -> Any:
            output = originals[name](x, *arguments)
            if arguments[6] == "avg" and x.dtype == paddle.float64 and not output.stop_gradient:
                factor = correction(x, output, arguments, KERNELS[name])
                if (factor != 1).any():
                    met.add("avg_pool")
                    tensor = paddle.to_tensor(factor)
                    output.register_hook(lambda gradient: gradient * tensor)
            return output

        return pool

    try:
        for name in KERNELS:
            setattr(paddle._C_ops, name, exact(name))
        yield
    finally:
        for name, original in originals.items():
            setattr(paddle._C_ops, name, original)


def correction(x: Any, output: Any, arguments: tuple, axes: int) -> np.ndarray:
    """What a gradient is to be multiplied by, for each place of the output: 1 / n over float32's 1 / n.

    arguments: those of the kernel behind x, by place: sizes, strides, paddings, ceil_mode, exclusive, layout, kind,
    global, adaptive, the padding's rule.
    """
    sizes, strides, paddings, _, exclusive, layout, _, everything, adaptive, rule = arguments
    last = layout[-1] == "C"
    first = 1 if last else 2
    n = np.ones(1)
    for axis in range(axes):
        length, wanted = x.shape[first + axis], output.shape[first + axis]
        if everything or adaptive:
            counts = adaptive_counts(length, wanted)
        else:
            padding = padded(rule, list(paddings), axis, axes, (length, wanted, sizes[axis], strides[axis]))
            counts = window_counts(length, wanted, sizes[axis], strides[axis], padding, exclusive)
        n = np.multiply.outer(n, counts)
    slope = 1 / n / (np.float32(1) / n.astype("float32")).astype("float64")
    return slope[..., None] if last else slope[None]


def padded(rule: str, paddings: list[int], axis: int, axes: int, sizes: tuple[int, int, int, int]) -> tuple[int, int]:
    """How many places are added in front of an axis and behind it. sizes: old length, new length, window, stride."""
    if rule == "VALID":
        return 0, 0
    if rule == "SAME":
        length, wanted, window, stride = sizes
        both = max((wanted - 1) * stride + window - length, 0)
        return both // 2, both - both // 2
    if len(paddings) == axes:
        return paddings[axis], paddings[axis]
    return paddings[2 * axis], paddings[2 * axis + 1]


def window_counts(
    length: int, wanted: int, window: int, stride: int, padding: tuple[int, int], exclusive: bool
) -> np.ndarray:
    """How many values along one axis each window counts, those of the padding unless exclusive."""
    start = np.arange(wanted) * stride - padding[0]
    end = np.minimum(start + window, length + padding[1])
    if exclusive:
        start, end = np.maximum(start, 0), np.minimum(end, length)
    return (end - start).astype("float64")


def adaptive_counts(length: int, wanted: int) -> np.ndarray:
    """How many values along one axis each part of an adaptive pool has."""
    k = np.arange(wanted)
    return (-(-(k + 1) * length // wanted) - k * length // wanted).astype("float64")
