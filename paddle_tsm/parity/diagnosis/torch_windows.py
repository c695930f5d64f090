"""Other windows: padding, stride, kernel, ceil_mode and what else decides where a convolution, pool or resize looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F

from paddle_tsm.parity.diagnosis.torch_functions import Arguments, with_arguments, with_function
from paddle_tsm.parity.diagnosis.variation import Change, Variation

Values = dict[str, Any]


def window_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """Other windows of this convolution or pool."""
    if name.startswith("adaptive_"):
        yield from adaptive_variations(name, given)
    elif name.startswith("conv"):
        yield from conv_variations(name, given)
    elif "_pool" in name:
        yield from pool_variations(name, given)


def one(value: Any) -> Any:
    """A size for every axis as the one number that it is, where all are the same."""
    if isinstance(value, (tuple, list)) and len(set(value)) == 1:
        return value[0]
    return tuple(value) if isinstance(value, list) else value


def setting(name: str, before: Any, after: Any) -> Variation:
    """The variation that gives another value to one argument."""
    return Variation(name, str(before), str(after), with_arguments({name: after}), name)


def conv_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """Other padding, stride, dilation and groups; Paddle's and TensorFlow's "SAME"."""
    weight = given.get("weight")
    kernel = max(weight.shape[2:])
    now = {
        "padding": one(given.get("padding", 0)),
        "stride": one(given.get("stride", 1)),
        "dilation": one(given.get("dilation", 1)),
    }
    others: dict[str, list[int]] = {
        "padding": [p for p in range(2 * kernel) if p != now["padding"]],
        "stride": [s for s in (1, 2, 3, 4) if s != now["stride"]],
        "dilation": [d for d in (1, 2, 3, 4) if d != now["dilation"] and kernel > 1],
    }
    for key, values in others.items():
        for value in values:
            yield setting(key, now[key], value)
    if not name.startswith("conv_transpose"):
        yield from padded_variations(now, weight)
    for key in ("stride", "dilation"):
        for value, padding in product(others[key], others["padding"]):
            change = with_arguments({key: value, "padding": padding})
            before = f"{key} {now[key]} and padding {now['padding']}"
            yield Variation(key, before, f"{key} {value} and padding {padding}", change)


def padded_variations(now: Values, weight: torch.Tensor) -> Iterator[Variation]:
    """Padding that is not the same on both sides, or not with zeros."""
    sizes = weight.shape[2:]
    if not isinstance(now["padding"], int) or not isinstance(now["stride"], int):
        return
    before = f"padding {now['padding']}"

    def padded(pads: Callable[[torch.Tensor], list[int]] | list[int], mode: str = "constant") -> Change:
        def values(given: Arguments) -> Values:
            x = given.get("input")
            return {"input": F.pad(x, pads(x) if callable(pads) else pads, mode=mode), "padding": 0}

        return with_arguments(values)

    def same(x: torch.Tensor, more_in_front: bool) -> list[int]:
        pads: list[int] = []
        for size, kernel in zip(reversed(x.shape[2:]), reversed(sizes)):
            step, reach = now["stride"], (kernel - 1) * (now["dilation"] if isinstance(now["dilation"], int) else 1) + 1
            total = max((math.ceil(size / step) - 1) * step + reach - size, 0)
            small, large = total // 2, total - total // 2
            pads += [large, small] if more_in_front else [small, large]
        return pads

    yield Variation("padding", before, 'padding "SAME"', padded(lambda x: same(x, False)))
    yield Variation(
        "padding", before, "padding that is the same size, more of it in front", padded(lambda x: same(x, True))
    )
    total = 2 * now["padding"]
    for front in (total, 0):
        if total:
            after = f"padding {front} in front and {total - front} behind"
            yield Variation("padding", before, after, padded([front, total - front] * len(sizes)))
    for mode in ("reflect", "replicate", "circular"):
        if total:
            pads = [now["padding"]] * (2 * len(sizes))
            yield Variation("padding mode", "zeros", mode, padded(pads, mode), "padding mode")


def pool_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """Other ceil_mode, padding, kernel, stride and count_include_pad; the maximum for the mean."""
    kernel = one(given.get("kernel_size"))
    stride = one(given.get("stride"))
    stride = kernel if stride in (None, []) else stride
    now = {
        "ceil_mode": given.get("ceil_mode", False),
        "padding": one(given.get("padding", 0)),
        "kernel_size": kernel,
        "stride": stride,
    }
    largest = max(kernel) if isinstance(kernel, tuple) else kernel
    average = name.startswith("avg")
    counts = [given.get("count_include_pad", True)] if average else [None]
    yield setting("ceil_mode", now["ceil_mode"], not now["ceil_mode"])
    if average:
        yield setting("count_include_pad", counts[0], not counts[0])
        counts.append(not counts[0])
    for key, values in (("padding", range(largest)), ("stride", range(1, 5)), ("kernel_size", range(1, 8))):
        for value in values:
            if value != now[key]:
                fixed = {"stride": stride} if key == "kernel_size" else {}
                change = with_arguments({key: value, **fixed})
                yield Variation(key, str(now[key]), str(value), change, key)
    other = name.replace("avg", "max") if average else name.replace("max", "avg")
    function = getattr(F, other)
    for count in (False, True) if not average else (None,):
        more = {} if average else {"count_include_pad": count}
        change = with_function(function, kernel, stride, now["padding"], ceil_mode=now["ceil_mode"], **more)
        yield Variation("pool", name, other, change)
    for values in product(range(1, 8), range(1, 5), range(4), (False, True), counts):
        arguments = dict(zip(("kernel_size", "stride", "padding", "ceil_mode"), values[:4]))
        if arguments["padding"] * 2 <= arguments["kernel_size"]:
            if average:
                arguments["count_include_pad"] = values[4]
            changed = {key: value for key, value in arguments.items() if value != now.get(key, counts[0])}
            if len(changed) in (2, 3):
                before = " and ".join(f"{key} {now.get(key, counts[0])}" for key in changed)
                after = " and ".join(f"{key} {value}" for key, value in changed.items())
                yield Variation(next(iter(changed)), before, after, with_arguments(arguments))


def adaptive_variations(name: str, given: Arguments) -> Iterator[Variation]:
    """The maximum for the mean; other sizes."""
    other = name.replace("avg", "max") if "avg" in name else name.replace("max", "avg")
    size = given.get("output_size")
    yield Variation("pool", name, other, with_function(lambda x: getattr(F, other)(x, size)))
    for value in range(1, 9):
        if value != one(size):
            yield setting("output_size", one(size), value)


def resize_variations(given: Arguments) -> Iterator[Variation]:
    """align_corners, the mode, and Paddle's align_mode 1, which maps pixel i to i times the scale."""
    mode, corners = given.get("mode", "nearest"), given.get("align_corners") or False
    if mode in ("linear", "bilinear", "bicubic", "trilinear"):
        yield setting("align_corners", corners, not corners)
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[given.get("input").ndim - 2]
    before = f"{mode}{', align_corners' if corners else ''}"
    for other in ("nearest", linear, "bicubic", "nearest-exact", "area"):
        for flag in (False, True) if other in (linear, "bicubic") else (None,):
            if (other, bool(flag)) != (mode, bool(corners)):
                after = f"{other}{', align_corners' if flag else ''}"
                change = with_arguments({"mode": other, "align_corners": flag, "antialias": False})
                yield Variation("mode" if other != mode else "align_corners", before, after, change)
    yield Variation(
        "align_mode", "0", "1", resized_by(lambda x, size: without_half_pixel(x, size, False)), "align_mode"
    )
    yield Variation(
        "align_corners",
        before,
        "nearest, align_corners",
        resized_by(lambda x, size: without_half_pixel(x, size, True)),
    )


def resized_by(new: Callable[[torch.Tensor, tuple[int, ...]], torch.Tensor]) -> Any:
    """The change of a resize that goes to the same size otherwise."""

    def change(func: Callable, args: tuple, kwargs: dict) -> Any:
        result = func(*args, **kwargs)
        return new(Arguments(func.__name__, args, kwargs).get("input"), tuple(result.shape[2:]))

    return change


def without_half_pixel(x: torch.Tensor, size: tuple[int, ...], nearest_at_corners: bool) -> torch.Tensor:
    """x resized axis by axis: linear from pixel i * scale, or the nearest pixel with the corners aligned."""
    for axis, new in enumerate(size, 2):
        old = x.shape[axis]
        if nearest_at_corners:
            place = torch.arange(new, dtype=torch.float64) * ((old - 1) / max(new - 1, 1))
            x = x.index_select(axis, (place + 0.5).long().clamp(max=old - 1))
            continue
        place = torch.arange(new, dtype=torch.float64) * (old / new)
        low = place.long().clamp(max=old - 1)
        high = (low + 1).clamp(max=old - 1)
        shape = [1] * x.ndim
        shape[axis] = new
        share = (place - low).reshape(shape).to(x.dtype)
        x = x.index_select(axis, low) * (1 - share) + x.index_select(axis, high) * share
    return x


def pad_variations(given: Arguments) -> Iterator[Variation]:
    """The sides exchanged, another mode."""
    pads, mode = list(given.get("pad")), given.get("mode", "constant")
    turned = [pads[i ^ 1] for i in range(len(pads))]
    if turned != pads:
        yield Variation("pad", str(pads), str(turned), with_arguments({"pad": turned}), "pad")
    axes = [pads[i : i + 2] for i in range(0, len(pads), 2)][::-1]
    exchanged = [value for pair in axes for value in pair]
    if exchanged != pads:
        yield Variation("pad", str(pads), str(exchanged), with_arguments({"pad": exchanged}), "pad")
    for first in range(0, len(pads), 2):
        yield from shares(pads, first)
    for other in ("constant", "reflect", "replicate", "circular"):
        if other != mode:
            change = with_arguments({"mode": other, "value": None})
            yield Variation("padding mode", mode, other, change, "padding mode")


def shares(pads: list[int], first: int) -> Iterator[Variation]:
    """Other numbers in front of and behind one axis, the same sum in front."""
    most = max(sum(pads[first : first + 2]), 3)
    pairs = sorted(product(range(most + 1), repeat=2), key=lambda pair: sum(pair) != sum(pads[first : first + 2]))
    for pair in pairs:
        other = [*pads[:first], *pair, *pads[first + 2 :]]
        if other != pads and max(other) <= 16:
            yield Variation("pad", str(pads), str(other), with_arguments({"pad": other}), "pad")


def grid_variations(given: Arguments) -> Iterator[Variation]:
    """align_corners, mode and padding of grid_sample."""
    corners = given.get("align_corners") or False
    yield setting("align_corners", corners, not corners)
    for key, values, default in (
        ("mode", ("bilinear", "nearest", "bicubic"), "bilinear"),
        ("padding_mode", ("zeros", "border", "reflection"), "zeros"),
    ):
        for value in values:
            if value != given.get(key, default):
                yield setting(key, given.get(key, default), value)
