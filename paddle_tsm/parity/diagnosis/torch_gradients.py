"""Where a gradient stops or is scaled in Paddle alone, found by doing the same to one call of PyTorch's at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from paddle_tsm.parity.diagnosis.cause import Cause
from paddle_tsm.parity.diagnosis.relations import far
from paddle_tsm.parity.diagnosis.torch_calls import THE_INPUT, Call, CallMode, Origin, Record
from paddle_tsm.parity.diagnosis.torch_runs import record_run, with_mode
from paddle_tsm.parity.diagnosis.torch_search import SECONDS
from paddle_tsm.parity.diagnosis.variation import Change, number
from paddle_tsm.parity.model_pair.layer_tensors import named_tensors
from paddle_tsm.parity.model_pair.paddle_model import PaddleModel
from paddle_tsm.parity.model_pair.torch_model import TorchModel
from paddle_tsm.parity.named_tensors import THE_MODEL, compare_tensors, layer_of
from paddle_tsm.parity.tolerance import TOLERANCES

Gradients = dict[str, np.ndarray]


def gradient_causes(torch_side: TorchModel, paddle_side: PaddleModel, inputs: Any, first: str) -> list[Cause]:
    """What explains the gradients of two models whose forward passes are equal. Both sides are in training mode.

    first: the first parameter, in backward order, whose gradient differs.
    """
    (own_loss, own), (other_loss, other) = (side.gradients(inputs, None) for side in (torch_side, paddle_side))
    if abs(own_loss - other_loss) > TOLERANCES["gradients"].limit * max(abs(own_loss), abs(other_loss)):
        ratio = f", {number(other_loss / own_loss)} times as much" if own_loss else ""
        sentence = f"the loss: the outputs are equal; PyTorch's is {own_loss:.6g}, Paddle's {other_loss:.6g}{ratio}"
        return [Cause("the loss", "loss", number(own_loss), number(other_loss), sentence)]
    start = f"{layer_of(first) or first}: the forward passes are equal; the gradient of {first} differs"
    missing = [name for name in own if name not in other]
    if missing and all(is_frozen(paddle_side, name) for name in missing) and equal(own, own | other):
        layer = layer_of(missing[-1]) or missing[-1]
        sentence = f"{layer}: Paddle computes no gradient of {', '.join(missing[:4])}, and all others are equal"
        return [Cause(layer, "frozen", "", "", sentence)]
    if missing and not set(missing) & set(torch_side.tensors()) and equal(own, own | other):
        sentence = f"{THE_INPUT}: Paddle computes no gradient of {', '.join(missing)}, and all others are equal"
        return [Cause(THE_INPUT, "detached", "", "", sentence)]
    if first not in own:
        layer = layer_of(first) or first
        return [Cause(layer, "frozen", "", "", f"{layer}: PyTorch computes no gradient of {first}, Paddle does")]
    if first in other:
        start += f" by {far(own[first], other[first]):.1e}"
    factor = fitted_factor(own, other)
    if factor and equal({name: array * factor for name, array in own.items()}, other):
        sentence = f"{start}; every gradient of Paddle is {number(factor)} times PyTorch's"
        return [Cause(layer_of(first) or THE_MODEL, "constant factor", "1", number(factor), sentence)]
    torch_side.train()
    record = record_run(torch_side, inputs, train=True)
    torch_side.train()
    scales = [0.0, *({fitted_factor({first: own[first]}, other)} - {0.0, 1.0})] if first in own else [0.0]
    wrong = {layer_of(name) for name in wrong_names(own, other)}
    layers = {layer_of(name) for name in own | other}
    calls = ranked_calls(record, wrong, layers)
    found = cause_by_calls(torch_side, record, inputs, other, scales, calls, start)
    return [Cause(layer_of(first) or THE_INPUT, *found)] if found else []


def is_frozen(side: PaddleModel, name: str) -> bool:
    """Whether Paddle's tensor of this name in PyTorch asks for no gradient."""
    tensors = named_tensors(side.model)
    twins = [tensors[pair.paddle] for pair in side.alignment.tensors if pair.torch == name]
    return bool(twins) and all(tensor.stop_gradient for tensor in twins)


def ranked_calls(record: Record, wrong: set[str], layers: set[str]) -> list[tuple[Call, int | None]]:
    """Each call with the position of one of its arguments, or None for its result: those first that are computed from
    just the layers whose gradients differ, and among them the latest.

    wrong: these layers. layers: all that have gradients.
    """
    values: list[tuple[int, int, int]] = []
    for call in record.calls.values():
        if isinstance(call.result, torch.Tensor) and call.result.is_floating_point():
            origins: list[tuple[int, list[Origin]]] = [(-1, [call.number]), *operands(call)]
            for position, origin in origins:
                values.append((len((record.layers_behind(origin) & layers) ^ wrong), -call.number, position))
    return [(record.calls[-negative], position if position >= 0 else None) for _, negative, position in sorted(values)]


def cause_by_calls(
    side: TorchModel,
    record: Record,
    inputs: Any,
    other: Gradients,
    scales: list[float],
    calls: list[tuple[Call, int | None]],
    start: str,
) -> tuple[str, str, str, str] | None:
    """(Kind, before, after, sentence) of the gradient of one value that is not handed on, or times a factor."""
    end = time.monotonic() + SECONDS
    for call, position in calls:
        for scale in scales:
            if time.monotonic() > end:
                return None
            if not equal(changed_gradients(side, inputs, {call.number: on_gradient(position, scale)}), other):
                continue
            part = "the result" if position is None else f"argument {position}"
            what = f"{part} of {call.name} ({place_of(record, call)})"
            if scale == 0.0:
                return "detached", "", what, f"{start}; with {what} detached all are equal"
            words = f"with the gradient of {what} times {number(scale)}"
            return "constant factor", "1", number(scale), f"{start}; {words} all are equal"
    return None


def operands(call: Call) -> list[tuple[int, list[Origin]]]:
    """(Position, where it comes from) of each tensor of a call that has several, but for the weights of a layer."""
    tensors = [i for i, arg in enumerate(call.args) if isinstance(arg, torch.Tensor) and arg.is_floating_point()]
    found = [i for i in tensors if not isinstance(call.args[i], torch.nn.Parameter)]
    if len(tensors) == 1 or len(found) != len(call.origins):
        return []
    return list(zip(found, ([origin] for origin in call.origins)))


def place_of(record: Record, call: Call) -> str:
    """The watched layer that makes the call, or between which layers it is made."""
    for label in record.arrays:
        if call in record.behind(label)[0]:
            return label if label in record.spans else record.gap(label)
    return call.module


def on_gradient(position: int | None, scale: float) -> Change:
    """The change of a call that multiplies the gradient of its result, or of an argument, and leaves the values."""

    def scaled(value: torch.Tensor) -> torch.Tensor:
        return value.detach() if scale == 0.0 else value * scale + (value * (1 - scale)).detach()

    def change(func: Callable, args: tuple, kwargs: dict) -> Any:
        if position is None:
            return scaled(func(*args, **kwargs))
        return func(*(scaled(arg) if i == position else arg for i, arg in enumerate(args)), **kwargs)

    return change


def changed_gradients(side: TorchModel, inputs: Any, changes: dict[int, Change]) -> Gradients:
    """The gradients with some calls changed; {} where the changed model has none."""
    side.model.zero_grad()
    try:
        with with_mode(side, CallMode(changes)):
            return side.gradients(inputs, None)[1]
    except Exception:  # PyTorch refuses a change in many ways; one that does not run explains nothing
        return {}


def equal(own: Gradients, other: Gradients) -> bool:
    """Whether the gradients are equal. One that is not there counts as 0."""
    return bool(own) and not wrong_names(own, other)


def wrong_names(own: Gradients, other: Gradients) -> list[str]:
    """The names of the gradients that differ. One that is not there counts as 0."""
    a, b = ({name: g.get(name, np.zeros_like(array)) for name, array in (own | other).items()} for g in (own, other))
    rows, _ = compare_tensors(a, b, TOLERANCES["gradients"].limit, ("PyTorch", "Paddle"))
    return [row.name for row in rows if not row.passed]


def fitted_factor(own: Gradients, other: Gradients) -> float:
    """The factor that makes the others of one's own, by least squares."""
    pairs = [(array.ravel(), other[name].ravel()) for name, array in own.items() if name in other]
    pairs = [(a, b) for a, b in pairs if a.shape == b.shape]
    if not pairs:
        return 0.0
    a, b = (np.concatenate(arrays) for arrays in zip(*pairs))
    return float(a @ b) / max(float(a @ a), 1e-300)
