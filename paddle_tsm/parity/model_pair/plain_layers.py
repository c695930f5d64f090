"""Pairs the layers without tensors, such as activations and pools, that both models call between the same layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paddle_tsm.parity.model_pair.alignment import Alignment
from paddle_tsm.parity.model_pair.layer_names import plain
from paddle_tsm.parity.model_pair.trace import Watch

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


def call_order(layers: dict[str, Any], run: Callable[[], Any]) -> list[str]:
    """The names of the layers in the order in which `run` calls them; one that is called twice is named twice."""
    order: list[str] = []
    with Watch(layers, before=lambda name, layer, arguments: order.append(name)):
        run()
    return order


def pair_plain_layers(
    alignment: Alignment,
    torch_layers: dict[str, Any],
    paddle_layers: dict[str, Any],
    orders: tuple[list[str], list[str]],
) -> dict[str, str]:
    """PyTorch's layer without tensors -> Paddle's, for those that are called as often between the same paired layers.

    orders: the calls of both models. A layer whose calls would pair it with two others is left out: what it computes
    shows in the input of the next paired layer.
    """
    twins = {pair.torch: pair.paddle for pair in alignment.layers}
    back = {paddle: torch for torch, paddle in twins.items()}
    gaps = (
        gaps_between(orders[0], set(twins)),
        gaps_between([back.get(name, f"?{name}") for name in orders[1]], set(twins)),
    )
    found: dict[str, set[str]] = {}
    for key, names in gaps[0].items():
        others = [name.removeprefix("?") for name in gaps[1].get(key, [])]
        for a, b in pairs_in_gap(names, others, torch_layers, paddle_layers):
            found.setdefault(a, set()).add(b)
    sure = {a: next(iter(others)) for a, others in found.items() if len(others) == 1}
    taken = list(sure.values())
    return {a: b for a, b in sure.items() if taken.count(b) == 1 and orders[0].count(a) == orders[1].count(b)}


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


def pairs_in_gap(
    names: list[str], others: list[str], torch_layers: dict[str, Any], paddle_layers: dict[str, Any]
) -> list[tuple[str, str]]:
    """Pairs of one gap: all in order where there are as many of both, else those with the same name."""
    names = [name for name in names if not hands_on(torch_layers[name])]
    others = [name for name in others if not hands_on(paddle_layers[name])]
    if len(names) == len(others):
        return list(zip(names, others))
    by_name = {plain(name): name for name in others}
    return [(name, by_name[plain(name)]) for name in names if plain(name) in by_name]


def hands_on(layer: Any) -> bool:
    """Whether a layer only hands its input on."""
    return type(layer).__name__.startswith(HANDING_ON)
