"""Other axes, orders, places and parts of what a call takes or gives."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import torch

from paddle_tsm.parity.diagnosis.torch_functions import Arguments, on_result, with_arguments, with_function
from paddle_tsm.parity.diagnosis.torch_windows import setting
from paddle_tsm.parity.diagnosis.variation import Change, Variation

MOST_PLACES = 8  # of an axis that are tried


def reduced(x: torch.Tensor, index: Any, function: Callable[..., torch.Tensor], dim: int) -> torch.Tensor:
    """A part of a tensor, reduced over one axis."""
    return function(x[index], dim=dim)


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
            change = in_other_order(partial(read_with_exchange, axis=axis))
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
