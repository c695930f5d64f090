"""What one call of a PyTorch function could do otherwise, the simplest first."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from paddle_tsm.parity.diagnosis.torch_activations import ACTIVATIONS, NAMES, activation_variations
from paddle_tsm.parity.diagnosis.torch_functions import Arguments, on_result, plain_name, with_arguments, with_function
from paddle_tsm.parity.diagnosis.torch_weights import NORMS, weight_variations
from paddle_tsm.parity.diagnosis.torch_windows import (
    grid_variations,
    pad_variations,
    resize_variations,
    setting,
    window_variations,
)
from paddle_tsm.parity.diagnosis.variation import Change, Fit, Variation, number

EPS = (1e-5, 1e-3, 1e-6, 1e-12, 1e-4, 1e-8, 1e-7, 1e-2, 0.0)
MOST_ROWS = 100  # of an embedding that are tried
MOST_PLACES = 8  # of an axis that are tried
DEFAULT_EPS = {"normalize": 1e-12}
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


def with_first(new: Callable[..., torch.Tensor], value: float) -> Change:
    """The change of a call that makes something else of its first argument: new(argument, value)."""
    return lambda func, args, kwargs: func(new(args[0], value), *args[1:], **kwargs)


def reduced(x: torch.Tensor, index: Any, function: Callable[..., torch.Tensor], dim: int) -> torch.Tensor:
    """A part of a tensor, reduced over one axis."""
    return function(x[index], dim=dim)


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


def exchanged_axes(result: torch.Tensor) -> Iterator[Variation]:
    """Two axes of the same length exchanged, an axis flipped, in what a call gives."""
    for a in range(result.ndim):
        for b in range(a + 1, result.ndim):
            if result.shape[a] == result.shape[b] > 1:
                change = on_result(torch.transpose, a, b)
                yield Variation("layout", "", f"axes {a} and {b} of its result exchanged", change)
    for a in range(1, result.ndim):
        if result.shape[a] > 1:
            change = on_result(torch.flip, (a,))
            yield Variation("flipped axis", "", f"axis {a} of its result flipped", change)


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
    y = (x - x.mean(axes, keepdim=True)) / scale
    y = y * g.get("weight") if g.get("weight") is not None else y
    return y + g.get("bias") if g.get("bias") is not None else y


def without_mean(eps: float) -> Change:
    """The change of a layer norm to the root mean square alone."""

    def change(func: Callable, args: tuple, kwargs: dict) -> Any:
        g = Arguments(func.__name__, args, kwargs)
        x = g.get("input")
        y = x / (x.square().mean(-1, keepdim=True) + eps).sqrt()
        y = y * g.get("weight") if g.get("weight") is not None else y
        return y + g.get("bias") if g.get("bias") is not None else y

    return change


def softmax_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """Another axis; the logarithm or not; sigmoid."""
    x, dim = given.first(), given.get("dim")
    for other in range(x.ndim):
        if dim is None or other != dim % x.ndim:
            yield setting("dim", dim, other)
    other_name = "softmax" if name == "log_softmax" else "log_softmax"
    yield Variation("activation", name, other_name, with_function(lambda x: getattr(F, other_name)(x, dim)))
    yield Variation("activation", name, "sigmoid", with_function(torch.sigmoid))
    for power in (0.5, -0.5, 1.0, -1.0):
        for size in sorted(set(x.shape)):
            factor = float(size) ** power
            if factor != 1.0:
                change = with_first(torch.mul, factor)
                yield Variation("constant factor", "1", number(factor), change, "the factor of its input")


def reduction_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """Another reduction over the same axes, or over other axes."""
    dim, keep = given.get("dim"), given.get("keepdim", False)
    if dim is None:
        return
    functions: dict[str, Callable[..., torch.Tensor]] = {
        "mean": torch.mean,
        "sum": torch.sum,
        "amax": torch.amax,
        "amin": torch.amin,
    }
    for other, function in functions.items():
        if other != name and not (name == "max" and other == "amax"):
            yield Variation("reduction", name, other, with_function(function, dim=dim, keepdim=keep))
    if isinstance(dim, int) and not keep:
        for place, word in ((-1, "last"), (0, "first")):
            change = with_function(torch.select, dim, place)
            yield Variation("reduction", name, f"the {word} place of the axis alone", change)
    if name in ("var", "std"):
        for correction in (0, 1):
            yield Variation(
                "biased variance",
                name,
                f"{name} with correction {correction}",
                with_function(getattr(torch, name), dim=dim, correction=correction, keepdim=keep),
            )
    if name in functions and isinstance(dim, int):
        for axis in range(given.first().ndim):
            yield setting("dim", dim, axis)


def order_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """The operands of a call that joins or subtracts in another order."""
    if name in ("sub", "div"):

        def exchanged(func: Callable, args: tuple, kwargs: dict) -> Any:
            return getattr(torch, name)(args[1], args[0])

        yield Variation("order", "", "its operands exchanged", exchanged)
        if name == "sub":
            yield Variation("sign", "sub", "add", lambda func, args, kwargs: torch.add(*args))
        return
    if name == "add":
        yield Variation("sign", "add", "sub", lambda func, args, kwargs: torch.sub(*args))
        yield Variation("function", "add", "mul", lambda func, args, kwargs: torch.mul(*args))
        yield Variation("function", "add", "maximum", lambda func, args, kwargs: torch.maximum(*args))
        return
    if name == "mul":
        yield Variation("function", "mul", "add", lambda func, args, kwargs: torch.add(*args))
        yield Variation("function", "mul", "div", lambda func, args, kwargs: torch.div(*args))
        return
    members = given.first()
    if isinstance(members, (list, tuple)) and len(members) <= 5:
        for order in permutations(range(len(members))):
            if list(order) != sorted(order):
                change = with_order(order)
                yield Variation("order", "its tensors in order", f"in the order {order}", change)


def with_order(order: tuple[int, ...]) -> Change:
    """The change of a call that joins its tensors in another order."""
    return lambda func, args, kwargs: func([args[0][i] for i in order], *args[1:], **kwargs)


def index_variations(name: str, args: tuple) -> Iterator[Variation]:
    """Another place of an axis, the mean over it, a slice that begins or ends elsewhere."""
    x = args[0]
    index = args[1] if name == "getitem" else (slice(None),) * (args[1] % x.ndim) + (args[2],)
    index = index if isinstance(index, tuple) else (index,)
    if sum(part is Ellipsis for part in index) == 1:
        place = [part is Ellipsis for part in index].index(True)
        index = (*index[:place], *[slice(None)] * (x.ndim - len(index) + 1), *index[place + 1 :])
    if not all(isinstance(part, (int, slice)) for part in index):
        return
    for axis, part in enumerate(index):
        size = x.shape[axis] if axis < x.ndim else 0
        others: list[Any] = []
        if isinstance(part, int):
            others = [0, -1, *(range(1, size - 1) if size <= MOST_PLACES else ())]
            others = [place for place in others if place % max(size, 1) != part % max(size, 1)]
        if isinstance(part, slice) and part.step in (None, 1):
            start, stop = part.start or 0, part.stop
            others = [slice(start + 1, None if stop is None else stop + 1), slice(start - 1, stop)]
            others += [slice(None, stop), slice(part.start, None)]
        for other in others:
            if other != part:
                changed = (*index[:axis], other, *index[axis + 1 :])
                yield Variation("index", str(part), str(other), with_function(operator.getitem, changed), "index")
        if isinstance(part, int):
            kept = (*index[:axis], slice(None), *index[axis + 1 :])
            dim = sum(not isinstance(before, int) for before in index[:axis])
            rest = (*index[:axis], slice(1, None), *index[axis + 1 :])
            for word, function in (("mean", torch.mean), ("sum", torch.sum), ("amax", torch.amax)):
                for places, without in ((kept, ""), (rest, " of all but the first")):
                    change = with_function(reduced, places, function, dim)
                    yield Variation("reduction", f"the place {part} of an axis alone", f"{word}{without}", change)


def part_variations(name: str) -> Iterator[Variation]:
    """The parts that a call gives, in another order."""
    words = {4: "its 4 parts", 3: "its 3 parts", 2: "its 2 parts"}
    for count, word in words.items():
        for order in permutations(range(count)):
            if list(order) != sorted(order):

                def change(func: Callable, args: tuple, kwargs: dict, order: tuple[int, ...] = order) -> Any:
                    parts = func(*args, **kwargs)
                    if len(parts) != len(order):
                        raise ValueError("another number of parts")
                    return tuple(parts[i] for i in order)

                yield Variation("gate order", f"{word} in order", f"in the order {order}", change)


def layout_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """The axes of the input in another order before it is reshaped; the inverse of a shift; blocks inside out."""
    x = given.first()
    if name == "roll":
        shifts = given.get("shifts")
        turned = -shifts if isinstance(shifts, int) else tuple(-s for s in shifts)
        yield Variation(
            "shift direction", str(shifts), str(turned), with_arguments(lambda g: {"shifts": turned}), "shifts"
        )
    if name == "channel_shuffle":
        groups, channels = given.get("groups"), x.shape[1]
        yield setting("groups", groups, channels // groups)
    if name == "pixel_shuffle":
        r = given.get("upscale_factor")

        def by_blocks(x: torch.Tensor) -> torch.Tensor:
            n, c, h, w = x.shape
            x = x.reshape(n, r, r, c // (r * r), h, w).permute(0, 3, 4, 1, 5, 2)
            return x.reshape(n, c // (r * r), h * r, w * r)

        yield Variation("layout", "", "the channels of each block outermost", with_function(by_blocks))
    if name in ("transpose", "permute"):
        yield Variation("layout", name, "reshape to the same sizes", in_other_order(lambda x, shape: x.reshape(shape)))
    if name in ("view", "reshape", "unflatten", "flatten"):
        for axis in range(5):
            change = in_other_order(lambda x, shape, axis=axis: read_with_exchange(x, shape, axis))  # type: ignore[misc]
            yield Variation("layout", "", f"axis {axis} of its result read as the inner one of it and the next", change)
    if name in ("view", "reshape", "flatten", "unflatten") and 2 < x.ndim <= 5:
        axes = range(x.ndim)
        for order in permutations(axes):
            if list(order) != list(axes):
                words = in_words(order)

                def change(func: Callable, args: tuple, kwargs: dict, order: tuple[int, ...] = order) -> Any:
                    return args[0].permute(order).reshape(func(*args, **kwargs).shape)

                yield Variation("layout", "", f"its input's axes in the order {words} before", change)


def in_words(order: tuple[int, ...]) -> str:
    """An order of axes, with its usual name."""
    known = {
        (0, 2, 3, 1): " (NHWC)",
        (0, 3, 1, 2): " (NCHW, of NHWC)",
        (0, 2, 1): " (NLC)",
        (0, 2, 3, 4, 1): " (NDHWC)",
    }
    return ", ".join(map(str, order)) + known.get(order, "")


def in_other_order(new: Callable[[torch.Tensor, torch.Size], torch.Tensor]) -> Change:
    """The change of a call to what `new` makes of its input and the shape of its result."""
    return lambda func, args, kwargs: new(args[0], func(*args, **kwargs).shape)


def read_with_exchange(x: torch.Tensor, shape: torch.Size, axis: int) -> torch.Tensor:
    """x in this shape, of which one axis and the next were one behind the other the other way round."""
    sizes = list(shape)
    sizes[axis], sizes[axis + 1] = sizes[axis + 1], sizes[axis]
    return x.reshape(sizes).transpose(axis, axis + 1)


def product_attention_variations(given: Arguments) -> Iterator[Variation | Fit]:
    """Another scale, causal or not, the mask inverted, queries, keys and values exchanged."""
    size = given.get("query").shape[-1]
    scale = given.get("scale") or size**-0.5
    for value in (1.0, size**-0.5, 1.0 / size, float(size) ** 0.5):
        if value != scale:
            change = with_arguments({"scale": value})
            yield Variation("constant factor", number(scale), number(value), change, "scale")
    causal = bool(given.get("is_causal", False))
    yield setting("is_causal", causal, not causal)
    mask = given.get("attn_mask")
    if mask is not None:
        yield Variation("mask", "", "no mask", with_arguments(lambda g: {"attn_mask": None}))
        if mask.dtype == torch.bool:
            yield Variation("mask", "", "its mask inverted", with_arguments(lambda g: {"attn_mask": ~mask}))
    words = ("query", "key", "value")
    for order in permutations(range(3)):
        if list(order) != [0, 1, 2]:
            after = ", ".join(words[i] for i in order)
            change = with_arguments({word: given.get(words[i]) for word, i in zip(words, order)})
            yield Variation("projection order", ", ".join(words), after, change)
    yield Fit("constant factor", "scale", scale, lambda v: with_arguments(lambda g: {"scale": v}))


def gate_functions(given: Arguments) -> Iterator[Variation]:
    """Another function of the gate than the sigmoid, and the two halves exchanged."""
    dim = given.get("dim", -1)

    def gated(x: torch.Tensor, function: Callable[[torch.Tensor], torch.Tensor], turned: bool) -> torch.Tensor:
        value, gate = x.chunk(2, dim)
        return gate * function(value) if turned else value * function(gate)

    yield Variation("order", "", "its halves exchanged", with_function(gated, torch.sigmoid, True))
    for name, function in ACTIVATIONS.items():
        for turned in (False, True):
            after = f"{name}{' of the other half' * turned}"
            yield Variation("activation", "sigmoid", after, with_function(gated, function, turned))


def embedding_variations(given: Arguments) -> Iterator[Variation]:
    """A row that gives zeros; a row further on."""
    tokens, rows = given.get("input"), given.get("weight").shape[0]
    for row in tokens.unique().tolist()[:MOST_ROWS]:

        def zeroed(func: Callable, args: tuple, kwargs: dict, row: int = row) -> Any:
            return func(*args, **kwargs) * (Arguments("embedding", args, kwargs).get("input") != row).unsqueeze(-1)

        yield Variation(
            "padding_idx", str(given.get("padding_idx")), f"{row}, whose row gives 0", zeroed, "padding_idx"
        )
    for step in (1, -1):
        if rows > int(tokens.max()) + step and int(tokens.min()) + step >= 0:
            change = with_first(torch.add, step)
            yield Variation("index", "", f"{step} added to its indices", change)
