"""What to say where two models' layers cannot be paired."""

from __future__ import annotations

from paddle_tsm.parity.first_few import first_few
from paddle_tsm.parity.model_pair.layer_tensors import TensorLayer, without_ones

LISTED = 4  # layers that a message names
PADDLE = "paddle: "  # in front of a key of `align`: a name of Paddle's that has no twin


def framework(side: str) -> str:
    """The framework's name, as it is printed."""
    return {"torch": "PyTorch", "paddle": "Paddle"}[side]


def unmatched(torch: list[TensorLayer], paddle: list[TensorLayer]) -> str:
    """What to say where the two models do not have the same layers."""
    sides = (("torch", torch), ("paddle", paddle))
    lists = [f"{framework(side)} has {first_few(found, LISTED)}" for side, found in sides if found]
    only = torch[0].name if torch else f"{PADDLE}{paddle[0].name}"
    advice = f"align={{{only!r}: None}} leaves a layer out"
    line = next((line for a in torch for b in paddle if (line := tensor_line(a, b))), "")
    if line:
        advice = f"align={{{line}}} pairs two tensors"
    return f"the models do not have the same layers. {'; '.join(lists)}. {advice}"


def tensor_line(torch: TensorLayer, paddle: TensorLayer) -> str:
    """The line of align for two tensors that could be the same, of two layers with the same word for what they are; ""
    where no two have the same shape.
    """
    if torch.kind.name != paddle.kind.name and torch.name.rpartition(".")[2] != paddle.name.rpartition(".")[2]:
        return ""
    for name, shape in torch.shapes.items():
        for other, found in paddle.shapes.items():
            parts = paddle.parts[other]
            if (name, shape) in paddle.shapes.items() or (other, found) in torch.shapes.items() or len(parts) > 1:
                continue
            for turned, candidate in ((False, found), (True, found[::-1])):
                if without_ones(shape) == without_ones(candidate):
                    mark = ".T" * (turned != parts[0].transposed)
                    return f"{torch.names[name]!r}: {parts[0].tensor + mark!r}"
    return ""


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
