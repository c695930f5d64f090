"""Where a gradient stops or is scaled in Paddle alone, found by doing the same to one call of PyTorch's at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from paddle_tsm.parity.diagnosis.cause import Cause
from paddle_tsm.parity.diagnosis.relations import far
from paddle_tsm.parity.diagnosis.torch_calls import Call, CallMode, Record, record_run, with_mode
from paddle_tsm.parity.diagnosis.torch_search import SECONDS
from paddle_tsm.parity.diagnosis.variation import Change, number
from paddle_tsm.parity.model_pair.layer_tensors import named_tensors
from paddle_tsm.parity.model_pair.paddle_model import PaddleModel
from paddle_tsm.parity.model_pair.torch_model import TorchModel
from paddle_tsm.parity.named_tensors import compare_tensors, layer_of
from paddle_tsm.parity.tolerance import TOLERANCES

Gradients = dict[str, np.ndarray]


def gradient_causes(torch_side: TorchModel, paddle_side: PaddleModel, inputs: Any, first: str) -> list[Cause]:
    """What explains the gradients of two models whose forward passes are equal. Both sides are in training mode.

    first: the first parameter, in backward order, whose gradient differs.
    """
    own, other = (side.gradients(inputs, None)[1] for side in (torch_side, paddle_side))
    start = f"{layer_of(first) or first}: the forward passes are equal; the gradient of {first} differs"
    missing = [name for name in own if name not in other]
    if missing and all(is_frozen(paddle_side, name) for name in missing) and equal(own, own | other):
        layer = layer_of(missing[-1]) or missing[-1]
        sentence = f"{layer}: Paddle computes no gradient of {', '.join(missing[:4])}, and all others are equal"
        return [Cause(layer, "frozen", "", "", sentence)]
    if first not in own:
        layer = layer_of(first) or first
        return [Cause(layer, "frozen", "", "", f"{layer}: PyTorch computes no gradient of {first}, Paddle does")]
    if first in other:
        start += f" by {far(own[first], other[first]):.1e}"
    factor = fitted_factor(own, other)
    if factor and equal({name: array * factor for name, array in own.items()}, other):
        sentence = f"{start}; every gradient of Paddle is {number(factor)} times PyTorch's"
        return [Cause(layer_of(first), "constant factor", "1", number(factor), sentence)]
    torch_side.model.train()
    record = record_run(torch_side, inputs, train=True)
    torch_side.model.train()
    return causes_by_calls(torch_side, record, inputs, other, fitted_factor({first: own[first]}, other), start)


def is_frozen(side: PaddleModel, name: str) -> bool:
    """Whether Paddle's tensor of this name in PyTorch asks for no gradient."""
    tensors = named_tensors(side.model)
    twins = [tensors[pair.paddle] for pair in side.alignment.tensors if pair.torch == name]
    return bool(twins) and all(tensor.stop_gradient for tensor in twins)


def causes_by_calls(
    side: TorchModel, record: Record, inputs: Any, other: Gradients, factor: float, start: str
) -> list[Cause]:
    """The cause that the gradient of one call's result is not handed on, or times a factor."""
    end = time.monotonic() + SECONDS
    for call in sorted(record.calls.values(), key=lambda call: -call.number):
        if not (isinstance(call.result, torch.Tensor) and call.result.is_floating_point()):
            continue
        for scale in (0.0, factor):
            if time.monotonic() > end:
                return []
            if not equal(changed_gradients(side, inputs, {call.number: on_gradient(call, scale)}), other):
                continue
            where, what = place_of(record, call), f"the result of {call.name}{f' in {call.module}' * bool(call.module)}"
            if scale == 0.0:
                return [Cause(where, "detached", "", what, f"{start}; with {what} detached all are equal")]
            words = f"with the gradient of {what} times {number(scale)}"
            return [Cause(where, "constant factor", "1", number(scale), f"{start}; {words} all are equal")]
    return []


def place_of(record: Record, call: Call) -> str:
    """The watched layer that makes the call, or between which layers it is made."""
    for label in record.arrays:
        if call in record.behind(label)[0]:
            return label if label in record.spans else record.gap(label)
    return call.module


def on_gradient(call: Call, scale: float) -> Change:
    """The change of a call that multiplies the gradient of its result, and leaves the result as it is."""

    def change(func: Callable, args: tuple, kwargs: dict) -> Any:
        result = func(*args, **kwargs)
        return result.detach() if scale == 0.0 else result * scale + (result * (1 - scale)).detach()

    return change


def changed_gradients(side: TorchModel, inputs: Any, changes: dict[int, Change]) -> Gradients:
    """The gradients with some calls changed; {} where the changed model has none."""
    side.model.zero_grad()
    try:
        with with_mode(side, CallMode(changes)):
            return side.gradients(inputs, None)[1]
    except Exception:
        return {}


def equal(own: Gradients, other: Gradients) -> bool:
    """Whether the gradients are equal. One that is not there counts as 0."""
    if not own:
        return False
    a, b = ({name: g.get(name, np.zeros_like(array)) for name, array in (own | other).items()} for g in (own, other))
    rows, _ = compare_tensors(a, b, TOLERANCES["gradients"].limit, ("PyTorch", "Paddle"))
    return all(row.passed for row in rows)


def fitted_factor(own: Gradients, other: Gradients) -> float:
    """The factor that makes the others of one's own, by least squares."""
    pairs = [(array.ravel(), other[name].ravel()) for name, array in own.items() if name in other]
    pairs = [(a, b) for a, b in pairs if a.shape == b.shape]
    if not pairs:
        return 0.0
    a, b = (np.concatenate(arrays) for arrays in zip(*pairs))
    return float(a @ b) / max(float(a @ a), 1e-300)
