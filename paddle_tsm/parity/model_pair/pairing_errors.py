"""What to say where two models' layers cannot be paired."""

from __future__ import annotations

from paddle_tsm.parity.model_pair.layer_kinds import CUSTOM
from paddle_tsm.parity.model_pair.layer_tensors import TensorLayer

LISTED = 4  # layers that a message names
PADDLE = "paddle: "  # in front of a key of `align`: a name of Paddle's that has no twin


def framework(side: str) -> str:
    """The framework's name, as it is printed."""
    return {"torch": "PyTorch", "paddle": "Paddle"}[side]


def unmatched(torch: list[TensorLayer], paddle: list[TensorLayer]) -> str:
    """What to say where the two models do not have the same layers."""
    lists = [
        f"{framework(side)} has {listed(found)}" for side, found in (("torch", torch), ("paddle", paddle)) if found
    ]
    only = torch[0].name if torch else f"{PADDLE}{paddle[0].name}"
    advice = f"align={{{only!r}: None}} leaves a layer out"
    if torch and paddle:
        pairs = zip(sorted(torch[0].shapes.items()), sorted(paddle[0].shapes.items()))
        if all(a[1] in (b[1], b[1][::-1]) for a, b in pairs) and torch[0].kind.name == CUSTOM == paddle[0].kind.name:
            tensor, other = next(iter(torch[0].names.values())), next(iter(paddle[0].parts.values()))[0].tensor
            turned = next(iter(torch[0].shapes.values())) != next(iter(paddle[0].shapes.values()))
            advice = f"align={{{tensor!r}: {other + '.T' * turned!r}}} pairs two tensors"
    return f"the models do not have the same layers. {'; '.join(lists)}. {advice}"


def undecided(
    layer: TensorLayer, candidates: list[TensorLayer], fed: list[TensorLayer], guess: dict[str, str] | None = None
) -> str:
    """What to say where several layers could be the twin.

    fed: those that took the same input. guess: the lines that the order of execution gives.
    """
    names = ", ".join(repr(found.name) for found in fed or candidates)
    why = "they take the same input" if fed else "neither name nor input nor order of execution tells which"
    if guess:
        why += ", and paired by the order of execution the outputs differ"
    lines = guess or {(fed or candidates)[0].name: layer.name}
    return f"Paddle's {layer} could be any of PyTorch's {names}: {why}; say which, for instance align={lines}"


def listed(layers: list[TensorLayer]) -> str:
    """The first few layers, and how many more there are."""
    more = f" and {len(layers) - LISTED} more" if len(layers) > LISTED else ""
    return ", ".join(map(str, layers[:LISTED])) + more
