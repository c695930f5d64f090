"""PyTorch's average pools with the gradient of Paddle's.

Paddle's backward kernel multiplies by 1 / n, n the number of values in a window, which it holds as float32, also for
float64 (phi/kernels/funcs/pooling.cc, AvgPoolGrad). The forward pass divides in the tensors' own precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F


class ScaledGradient(torch.autograd.Function):
    """Hands its input on, and multiplies the gradient by a factor for each value."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(factor)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (factor,) = ctx.saved_tensors
        return gradient * factor, None


def with_paddles_gradient(pooled: torch.Tensor, lengths: list[np.ndarray]) -> torch.Tensor:
    """The pooled values, whose gradient is Paddle's. lengths: for each axis, the length of each window along it."""
    counts = np.ones(())
    for along in lengths:
        counts = np.multiply.outer(counts, along)
    factor = (1 / counts).astype("float32").astype("float64") * counts
    return ScaledGradient.apply(pooled, torch.from_numpy(factor).to(pooled.dtype))


def per_axis(value: Any, axes: int) -> list[int]:
    """One number for each axis."""
    values = list(value) if isinstance(value, (tuple, list)) else [value]
    return values * axes if len(values) == 1 else values


def average_pool(axes: int) -> Callable:
    """avg_pool1d, avg_pool2d or avg_pool3d, by the number of axes."""
    function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[axes - 1]

    def pool(
        x: torch.Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> torch.Tensor:
        more = () if axes == 1 else (divisor_override,)
        # Paddle takes a divisor into account behind the pool, so that its kernel multiplies by 1 / n all the same
        pooled = function(x, kernel_size, stride, padding, ceil_mode, count_include_pad, *more)
        kernels, pads = per_axis(kernel_size, axes), per_axis(padding, axes)
        steps = per_axis(stride, axes) if stride else kernels
        lengths = []
        for axis in range(axes):
            length = x.shape[axis - axes]
            first = np.arange(pooled.shape[axis - axes]) * steps[axis] - pads[axis]
            last = np.minimum(first + kernels[axis], length + pads[axis])
            lengths.append(last - first if count_include_pad else np.minimum(last, length) - np.maximum(first, 0))
        return with_paddles_gradient(pooled, lengths)

    return pool


def adaptive_average_pool(axes: int) -> Callable:
    """adaptive_avg_pool1d, adaptive_avg_pool2d or adaptive_avg_pool3d, by the number of axes."""
    function = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[axes - 1]

    def pool(x: torch.Tensor, output_size: Any) -> torch.Tensor:
        pooled = function(x, output_size)
        lengths = []
        for axis in range(axes):
            old, new = x.shape[axis - axes], pooled.shape[axis - axes]
            k = np.arange(new)
            lengths.append(-(-(k + 1) * old // new) - k * old // new)
        return with_paddles_gradient(pooled, lengths)

    return pool


AVERAGE_POOLS = {
    getattr(F, f"{prefix}avg_pool{axes}d"): make(axes)
    for prefix, make in (("", average_pool), ("adaptive_", adaptive_average_pool))
    for axes in (1, 2, 3)
}
