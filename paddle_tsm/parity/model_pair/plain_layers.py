"""Pairs the layers without tensors, such as activations and pools, that both models call between the same layers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.alignment import Alignment
from paddle_tsm.parity.model_pair.layer_kinds import paddle_kind, torch_kind
from paddle_tsm.parity.model_pair.layer_names import plain
from paddle_tsm.parity.model_pair.trace import Watch, same_sketch, sketch

# Layers that only hand their input on, in evaluation mode; one model may have them where the other has none.
HANDING_ON = ("Identity", "Dropout", "Flatten", "Unflatten", "StochasticDepth", "AlphaDropout", "DropPath")


def innermost(named_layers: list[tuple[str, Any]], tensor_layers: set[str]) -> dict[str, Any]:
    """The layers with tensors, and those without that contain no other layer and are not a part of one with tensors."""
    return {
        name: layer
        for name, layer in named_layers
        if name in tensor_layers
        or (not list(layer.children()) and not any(name.startswith(f"{path}.") for path in tensor_layers if path))
    }


def call_order(layers: dict[str, Any], run: Callable[[], Any]) -> tuple[list[str], dict[str, np.ndarray]]:
    """The names of the layers in the order in which `run` calls them, one that is called twice named twice; and for
    each the sketch of its first input.
    """
    order: list[str] = []
    sketches: dict[str, np.ndarray] = {}

    def called(name: str, layer: Any, arguments: tuple) -> None:
        order.append(name)
        if name not in sketches:
            sketches[name] = sketch(arguments)

    with Watch(layers, before=called):
        run()
    return order, sketches


def pair_plain_layers(
    alignment: Alignment,
    torch_layers: dict[str, Any],
    paddle_layers: dict[str, Any],
    calls: tuple[tuple[list[str], dict[str, np.ndarray]], tuple[list[str], dict[str, np.ndarray]]],
) -> dict[str, str]:
    """PyTorch's layer without tensors -> Paddle's, for those that are called as often between the same paired layers.

    calls: what `call_order` gives for both models, with the same weights. A pair has the same class and name, or took
    the same input and has the same place or class: where one model has a module for its first activation and the other
    for its second, the two are no pair. A layer whose calls would pair it with two others is left out: what it computes
    shows in the input of the next paired layer.
    """
    (order, taken), (other_order, other_taken) = calls
    twins = {pair.torch: pair.paddle for pair in alignment.layers}
    back = {paddle: torch for torch, paddle in twins.items()}
    gaps = (
        gaps_between(order, set(twins)),
        gaps_between([back.get(name, f"?{name}") for name in other_order], set(twins)),
    )
    found: dict[str, set[str]] = {}
    for key, names in gaps[0].items():
        names = [name for name in names if not hands_on(torch_layers[name])]
        others = [name.removeprefix("?") for name in gaps[1].get(key, [])]
        others = [name for name in others if not hands_on(paddle_layers[name])]
        in_order = len(names) == len(others)
        for a, b in zip(names, others) if in_order else itertools.product(names, others):
            same_class = class_name(torch_layers[a]) == class_name(paddle_layers[b])
            same_input = same_sketch(taken[a], other_taken[b])
            if torch_kind(torch_layers[a]).name != paddle_kind(paddle_layers[b]).name:
                continue  # a Linear layer and a convolution, whose tensors the caller paired, take other shapes
            if (same_class and plain(a) == plain(b)) or (same_input and (in_order or same_class)):
                found.setdefault(a, set()).add(b)
    sure = {a: next(iter(others)) for a, others in found.items() if len(others) == 1}
    paired = list(sure.values())
    return {a: b for a, b in sure.items() if paired.count(b) == 1 and order.count(a) == other_order.count(b)}


def gaps_between(order: list[str], anchors: set[str]) -> dict[tuple[str, int], list[str]]:
    """(The anchor in front, the number of its call) -> the other layers that are called before the next anchor."""
    gaps: dict[tuple[str, int], list[str]] = {}
    key, calls = ("", 0), dict.fromkeys(anchors, 0)
    for name in order:
        if name in anchors:
            calls[name] += 1
            key = (name, calls[name])
        else:
            gaps.setdefault(key, []).append(name)
    return gaps


def class_name(layer: Any) -> str:
    """The name of a layer's class as both frameworks have it: SiLU is Silu, MaxPool2d is MaxPool2D."""
    return type(layer).__name__.lower()


def hands_on(layer: Any) -> bool:
    """Whether a layer only hands its input on."""
    return type(layer).__name__.startswith(HANDING_ON)
