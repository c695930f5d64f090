"""Paddle's dropout, off or with given masks, while a context lasts."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import paddle
from paddle.nn import functional
from paddle.nn.functional import common

from paddle_tsm.parity.model_pair.dropout_masks import AlphaDropout, Draws


@contextlib.contextmanager
def paddle_dropout(draws: Draws) -> Iterator[None]:
    """Replaces the functions through which Paddle's dropout goes, and puts them back, whatever happens.

    The kernel is replaced, too, so that a function that a model imported by its name is reached as well.
    """
    kernels = paddle._C_ops
    places: list[tuple[Any, str, Callable[[Callable], Callable]]] = [
        (kernels, "dropout", lambda own: kernel(draws, own, in_place=False)),
        (kernels, "dropout_", lambda own: kernel(draws, own, in_place=True)),
        (functional, "dropout", lambda own: with_axes(draws, own)),
        (common, "dropout", lambda own: with_axes(draws, own)),
        (common, "_feature_alpha_dropout_impl", lambda own: alpha_dropout(draws, own)),
    ]
    own = [getattr(module, name) for module, name, _ in places]
    try:
        for (module, name, replace), function in zip(places, own):
            setattr(module, name, replace(function))
        yield
    finally:
        for (module, name, _), function in zip(places, own):
            setattr(module, name, function)


def kernel(draws: Draws, own: Callable, in_place: bool) -> Callable:
    """The kernel of dropout of single values."""

    def dropout(x: Any, seed_tensor: Any, p: Any, is_test: bool, mode: str, *more: Any) -> Any:
        p = float(p)
        if is_test or p == 0:
            return own(x, seed_tensor, p, is_test, mode, *more)
        if not draws.same:
            return x
        result = dropped(x, draws.mask(tuple(x.shape), p), p, mode == "upscale_in_train")
        return paddle.assign(result, x) if in_place else result

    return dropout


def with_axes(draws: Draws, own: Callable) -> Callable:
    """The function that drops along some axes, which draws its masks itself; without axes the kernel draws them."""

    def dropout(*args: Any, **kwargs: Any) -> Any:
        words = arguments(own, args, kwargs)
        x, p, axis = words["x"], float(words["p"]), words["axis"]
        if axis is None or not words["training"] or p == 0 or not 0 <= p <= 1:
            return own(*args, **kwargs)
        if not draws.same:
            return x
        axes = [axis] if isinstance(axis, int) else list(axis)
        shape = tuple(size if number in axes else 1 for number, size in enumerate(x.shape))
        return dropped(x, draws.mask(shape, p), p, words["mode"] == "upscale_in_train")

    return dropout


def alpha_dropout(draws: Draws, own: Callable) -> Callable:
    """The function behind both kinds of alpha dropout."""

    def dropout(*args: Any, **kwargs: Any) -> Any:
        words = arguments(own, args, kwargs)
        x, p = words["x"], float(words["p"])
        if not words["training"] or p == 0 or not 0 <= p <= 1:
            return own(*args, **kwargs)
        if not draws.same:
            return x
        shape = tuple(x.shape)
        if words["feature_dropout"]:
            shape = shape[:2] + (1,) * (len(shape) - 2)
        mask = paddle.to_tensor(draws.mask(shape, p, "alpha dropout")).astype(x.dtype)
        if p == 1:
            return x * 0.0
        rule = AlphaDropout.of(p)
        return (x * mask + (1 - mask) * rule.dropped) * rule.a + rule.b

    return dropout


def arguments(function: Callable, args: tuple, kwargs: dict) -> dict[str, Any]:
    """The arguments of a call by their names, with the defaults. Paddle also takes PyTorch's name of the first one."""
    bound = inspect.signature(function).bind(
        *args, **{"x" if name == "input" else name: kwargs[name] for name in kwargs}
    )
    bound.apply_defaults()
    return bound.arguments


def dropped(x: Any, mask: Any, p: float, upscaled: bool) -> Any:
    """x with the values dropped at which the mask is 0; the others are scaled up where this mode of Paddle does so."""
    kept = x * paddle.to_tensor(mask).astype(x.dtype)
    return kept / (1 - p) if upscaled and p < 1 else kept
