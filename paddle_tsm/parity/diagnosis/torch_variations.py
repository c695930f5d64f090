"""What one call of a PyTorch function could do otherwise, the simplest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from paddle_tsm.parity.diagnosis.torch_activations import NAMES, activation_variations
from paddle_tsm.parity.diagnosis.torch_attention import (
    embedding_variations,
    gate_functions,
    product_attention_variations,
    softmax_variations,
)
from paddle_tsm.parity.diagnosis.torch_axes import (
    exchanged_axes,
    index_variations,
    layout_variations,
    order_variations,
    part_variations,
    reduction_variations,
)
from paddle_tsm.parity.diagnosis.torch_functions import (
    Arguments,
    on_result,
    plain_name,
    with_arguments,
    with_first,
    with_function,
)
from paddle_tsm.parity.diagnosis.torch_norms import norm_variations
from paddle_tsm.parity.diagnosis.torch_weights import NORMS, weight_variations
from paddle_tsm.parity.diagnosis.torch_windows import (
    grid_variations,
    pad_variations,
    resize_variations,
    setting,
    window_variations,
)
from paddle_tsm.parity.diagnosis.variation import Change, Fit, Variation, number

SHAPED = ("view", "reshape", "flatten", "permute", "transpose", "unflatten")


def specific_variations(name: str, args: tuple, kwargs: dict) -> Iterator[Variation | Fit]:
    """What this function could do otherwise by one of its own arguments, or another function in its place."""
    given = Arguments(name, args, kwargs)
    name = plain_name(name)
    if name in NORMS or name == "normalize":
        yield from norm_variations(name, given)
    if name in NAMES:
        yield from activation_variations(name, given)
    yield from window_variations(name, given)
    if "_pool" not in name:
        yield from weight_variations(name, given)
    if name == "interpolate":
        yield from resize_variations(given)
    if name == "pad":
        yield from pad_variations(given)
    if name == "grid_sample":
        yield from grid_variations(given)
    if name in ("softmax", "log_softmax"):
        yield from softmax_variations(name, given)
    if "dropout" in name:
        p = given.get("p", 0.5)
        yield Variation("dropout", "", f"its output times {number(1 - p)}, 1 less p", on_result(lambda y: y * (1 - p)))
    if name in ("mean", "sum", "amax", "max", "amin", "var", "std"):
        yield from reduction_variations(name, given)
    if name in ("cat", "concat", "stack", "add", "sub", "mul", "div"):
        yield from order_variations(name, given)
    if name in ("chunk", "split", "unbind"):
        yield from part_variations(name)
    if name in SHAPED or name in ("roll", "flip", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle"):
        yield from layout_variations(name, given)
    if name == "scaled_dot_product_attention":
        yield from product_attention_variations(given)
    if name == "embedding":
        yield from embedding_variations(given)
    if name == "local_response_norm":
        for key, default in (("alpha", 1e-4), ("k", 1.0), ("beta", 0.75)):
            yield Fit(key, key, float(given.get(key, default)), partial(with_number, key))
        for size in range(1, 10):
            yield setting("size", given.get("size"), size)
    if name == "glu":
        yield from gate_functions(given)
    if name in ("getitem", "select"):
        yield from index_variations(name, args)
    if name in ("masked_fill", "where"):
        key = "mask" if name == "masked_fill" else "condition"
        yield Variation("mask", "", "its mask inverted", with_arguments(lambda g: {key: ~g.get(key)}))


def general_variations(name: str, args: tuple, kwargs: dict, result: Any) -> Iterator[Variation | Fit]:
    """What may be left out: the call itself, or a term of a sum."""
    plain, given = plain_name(name), Arguments(name, args, kwargs)
    first = given.first()
    if isinstance(first, torch.Tensor) and isinstance(result, torch.Tensor) and plain != "add":
        if first.shape == result.shape and first.dtype == result.dtype and plain not in NAMES:
            yield Variation("call left out", name, "no function", with_function(lambda x: x.clone()))
    if plain in ("mul", "div") and isinstance(result, torch.Tensor) and len(args) > 1:
        other = args[1]
        if isinstance(other, torch.Tensor) and other.shape == result.shape != getattr(first, "shape", None):
            yield Variation("call left out", name, "no function", lambda func, args, kwargs: args[1].clone())
    if plain == "add":
        for position, word in ((1, "second"), (0, "first")):
            if position < len(args) and isinstance(args[position], torch.Tensor):
                yield Variation("term left out", "", f"its {word} term left out", times_operand(0.0, position))


def fitted_variations(name: str, args: tuple, result: Any) -> Iterator[Variation | Fit]:
    """What any function's result or operands could be times a number, or with two axes exchanged."""
    plain = plain_name(name)
    if plain == "add":
        for position, word in ((1, "second"), (0, "first")):
            if position < len(args) and isinstance(args[position], torch.Tensor):
                yield Fit("constant factor", f"the factor of its {word} term", 1.0, operand_factor(position))
    if isinstance(result, torch.Tensor) and result.is_floating_point():
        yield from exchanged_axes(result)
        yield Fit("constant factor", "the factor of its result", 1.0, lambda v: on_result(lambda y: y * v))
        yield Fit("constant offset", "the constant added to its result", 0.0, lambda v: on_result(lambda y: y + v))
    if plain in ("softmax", "log_softmax", "sigmoid", "tanh", "gelu", "exp", "linear"):
        yield Fit("constant factor", "the factor of its input", 1.0, partial(with_first, torch.mul))


def with_number(key: str, value: float) -> Change:
    """The change of a call that gives another number to an argument."""
    return with_arguments({key: value})


def times_operand(value: float, position: int) -> Change:
    """The change of a call that multiplies the argument at this position."""

    def change(func: Callable, args: tuple, kwargs: dict) -> Any:
        changed = list(args)
        changed[position] = args[position] * value
        result = func(*changed, **kwargs)
        return args[0].copy_(result) if func.__name__ in ("add_", "__iadd__") and position == 0 else result

    return change


def operand_factor(position: int) -> Callable[[float], Change]:
    """From a number to the change that multiplies the argument at this position."""
    return lambda value: times_operand(value, position)
