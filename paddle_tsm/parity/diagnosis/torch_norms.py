"""Other constants and statistics of a norm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from paddle_tsm.parity.diagnosis.torch_functions import Arguments, with_arguments
from paddle_tsm.parity.diagnosis.torch_windows import setting
from paddle_tsm.parity.diagnosis.variation import Change, Fit, Variation, number

EPS = (1e-5, 1e-3, 1e-6, 1e-12, 1e-4, 1e-8, 1e-7, 1e-2, 0.0)
DEFAULT_EPS = {"normalize": 1e-12}


def norm_variations(name: str, given: Arguments) -> Iterator[Variation | Fit]:
    """Another eps; the statistics of the batch for the running ones; other groups and axes."""
    eps = given.get("eps", DEFAULT_EPS.get(name, 1e-5))
    eps = 1e-5 if eps is None else float(eps)
    for value in EPS:
        if value != eps:
            rounded = float(np.float32(value))  # Paddle holds it in float32
            change = with_arguments({"eps": rounded})
            yield Variation("eps", number(eps), number(value), change, "eps")
    if name == "batch_norm":
        training = bool(given.get("training", False))
        words = ("the running statistics", "the batch's statistics")
        own = {name: given.get(name) for name in ("running_mean", "running_var")}
        kept = {name: value.clone() for name, value in own.items() if value is not None} if training else {}
        change = with_arguments(lambda g: {"training": not training, **kept})
        yield Variation("statistics", words[training], words[not training], change)
        if not training:
            squared = with_arguments(lambda g: {"running_var": (g.get("running_var") + eps) ** 2 - eps})
            yield Variation("statistics", "its standard deviation", "its variance", squared, "a division by")
            outside = with_arguments(lambda g: {"running_var": (g.get("running_var").sqrt() + eps) ** 2 - eps})
            yield Variation("eps", "to the variance", "to the standard deviation", outside, "eps added")
    if name == "group_norm":
        channels, groups = given.get("input").shape[1], given.get("num_groups")
        for other in range(1, channels + 1):
            if channels % other == 0 and other != groups:
                yield setting("num_groups", groups, other)
    if name == "layer_norm":
        yield from layer_norm_variations(given, eps)
    if name == "normalize":
        for dim in range(given.get("input").ndim):
            yield setting("dim", given.get("dim", 1), dim)
        yield setting("p", given.get("p", 2.0), 1.0)
    yield Fit("eps", "eps", eps, lambda v: with_arguments(lambda g: {"eps": abs(v)}))


def layer_norm_variations(given: Arguments, eps: float) -> Iterator[Variation]:
    """The unbiased variance; eps added to the standard deviation; statistics of other axes; no mean."""
    own = tuple(-1 - i for i in range(len(given.get("normalized_shape"))))
    variance = "the biased variance"
    for unbiased, after in ((True, "the unbiased variance"), (False, variance)):
        for outside in (False, True):
            if not (unbiased or outside):
                continue
            kind = "biased variance" if unbiased else "eps"
            for value in dict.fromkeys((eps, 1e-6, 1e-5, 1e-12, 0.0) if outside else (eps,)):
                words = f"{after}'s root, plus eps {number(value)}" if outside else after
                yield Variation(kind, variance, words, partial(normalized, own, unbiased, outside, value))
    for first in range(given.get("input").ndim):
        axes = tuple(range(first, given.get("input").ndim))
        if len(axes) != len(own):
            words = f"statistics of the axes {', '.join(map(str, axes))}"
            yield Variation("statistics", "", words, partial(normalized, axes, False, False, eps))
    yield Variation("statistics", "", "no mean subtracted", without_mean(eps))


def normalized(
    axes: tuple[int, ...], unbiased: bool, outside: bool, eps: float, func: Callable, args: tuple, kwargs: dict
) -> torch.Tensor:
    """A layer norm by hand. outside: eps is added to the standard deviation."""
    g = Arguments(func.__name__, args, kwargs)
    x = g.get("input")
    variance = x.var(axes, correction=int(unbiased), keepdim=True)
    scale = variance.sqrt() + eps if outside else (variance + eps).sqrt()
    return weighted((x - x.mean(axes, keepdim=True)) / scale, g)


def weighted(y: torch.Tensor, given: Arguments) -> torch.Tensor:
    """Normalised values times the weight, plus the bias, of a norm that has them."""
    weight, bias = given.get("weight"), given.get("bias")
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def without_mean(eps: float) -> Change:
    """The change of a layer norm to the root mean square alone."""

    def change(func: Callable, args: tuple, kwargs: dict) -> Any:
        g = Arguments(func.__name__, args, kwargs)
        x = g.get("input")
        return weighted(x / (x.square().mean(-1, keepdim=True) + eps).sqrt(), g)

    return change
