"""The calls of PyTorch's functions in a run of a model: recorded with what their inputs come from, or one changed.

Every module and every functional call ends in a function that a `TorchFunctionMode` sees, so that any of them can be
given other arguments without touching the model's code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from paddle_tsm.parity.diagnosis.variation import Change
from paddle_tsm.parity.side import INPUT, layer_of_value

THE_INPUT = "the input"
Origin = int | str  # the number of a call, or the name of the watched output that a tensor is


@dataclass
class Call:
    """One call. func, name: the function and its name. module: the innermost module that made it. line: where in its
    code. origins: where the tensors among its arguments come from.
    """

    number: int
    func: Callable
    name: str
    args: tuple
    kwargs: dict
    module: str
    line: tuple[str, int]
    origins: list[Origin]
    result: Any = None


@dataclass
class Record:
    """A run. arrays: name of what a watched layer took or gave -> array, in order, and the outputs at the end. origins:
    the same names -> where these tensors come from. spans: name of a watched output -> its layer's first call. tensors:
    the same names -> the tensors themselves.
    """

    calls: dict[int, Call] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    origins: dict[str, list[Origin]] = field(default_factory=dict)
    spans: dict[str, int] = field(default_factory=dict)
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)

    def behind(self, label: str, wrong: frozenset[str] = frozenset()) -> tuple[list[Call], list[str]]:
        """The calls that could have made this value differ, the latest first, and the watched values that they read.

        For a layer's output, the calls in the layer; else those since the watched values that it is computed from.
        wrong: watched values that differ, and so are not where to stop.
        """
        found: dict[int, Call] = {}
        sources: dict[str, None] = {}
        open_ = list(self.origins.get(label, []))
        first = self.spans.get(label, 0)
        known = {} if label in self.spans else self.known_results(wrong | {label})
        while open_:
            origin = open_.pop()
            if isinstance(origin, int) and origin in known:
                sources[known[origin]] = None
            elif isinstance(origin, str):
                sources[origin] = None
            elif origin not in found and origin in self.calls and origin >= first:
                found[origin] = self.calls[origin]
                open_ += self.calls[origin].origins
        order = [*self.arrays, THE_INPUT]
        return [found[n] for n in sorted(found, reverse=True)], sorted(sources, key=order.index)

    def gap(self, label: str) -> str:
        """The name of a place that no watched layer computes: "between bn1 and conv2", "between fc and the output"."""
        _, sources = self.behind(label, frozenset(self.arrays))
        target = label.partition(INPUT)[0] if INPUT in label else f"the {label}"
        source = next((name for name in reversed(sources) if INPUT not in name), THE_INPUT)
        return f"between {source} and {target}"

    def layers_behind(self, origins: list[Origin]) -> set[str]:
        """The watched layers whose outputs a value is computed from. origins: where it comes from."""
        found: set[Origin] = set()
        open_ = list(origins)
        while open_:
            origin = open_.pop()
            if origin not in found:
                found.add(origin)
                call = self.calls.get(origin) if isinstance(origin, int) else None
                open_ += call.origins if call else self.origins.get(str(origin), [])
        labels = {origin for origin in found if isinstance(origin, str) and origin != THE_INPUT}
        return {layer_of_value(label) for label in labels} | {
            self.calls[origin].module for origin in found if origin in self.calls
        }

    def known_results(self, wrong: frozenset[str]) -> dict[int, str]:
        """The number of a call whose result a layer took as its input -> the input's name, of those not in `wrong`."""
        found = {}
        for label, origins in self.origins.items():
            if INPUT in label and label not in wrong and len(origins) == 1 and isinstance(origins[0], int):
                call = self.calls.get(origins[0])
                if call is not None and call.result is self.tensors[label]:
                    found[origins[0]] = label
        return found


class CallMode(TorchFunctionMode):
    """Numbers the calls. changes: number -> what to do instead. record: written, if given."""

    def __init__(self, changes: dict[int, Change] | None = None, record: Record | None = None):
        super().__init__()
        self.changes, self.record = changes or {}, record
        self.number, self.paused = 0, False
        self.origin: dict[int, Origin] = {}
        self.kept: list[Any] = []  # tensors of the run: an id is another tensor's once its own is gone
        self.modules: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        number = self.number
        self.number += 1
        if number in self.changes:
            return self.changes[number](func, args, kwargs)
        if self.record is None:
            return func(*args, **kwargs)
        origins = [origin for tensor in tensors_in((args, kwargs)) if (origin := self.origin_of(tensor)) is not None]
        name = str(getattr(func, "__name__", func))
        given = with_copied_statistics(name, args, kwargs)
        result = func(*args, **kwargs)
        changed = [args[0]] if name == "__setitem__" or kwargs.get("out") is not None else tensors_in(result)
        if changed and name != "__get__":
            module = self.modules[-1] if self.modules else ""
            self.record.calls[number] = Call(number, func, name, *given, module, calling_line(), origins, result)
        if changed:
            self.mark(changed, number if name != "__get__" else (origins[0] if origins else number))
        return result

    def origin_of(self, tensor: Any) -> Origin | None:
        """Where a tensor comes from; None for a weight."""
        return self.origin.get(id(tensor))

    def mark(self, tensors: list[Any], origin: Origin) -> None:
        """Enter where these tensors come from."""
        for tensor in tensors:
            self.kept.append(tensor)
            self.origin[id(tensor)] = origin


def with_copied_statistics(name: str, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The arguments with copies of the running statistics, which the call changes in training mode."""
    if name not in ("batch_norm", "instance_norm"):
        return args, kwargs
    copied = tuple(arg.clone() if i in (1, 2) and arg is not None else arg for i, arg in enumerate(args))
    named = {k: v.clone() if k.startswith("running_") and v is not None else v for k, v in kwargs.items()}
    return copied, named


def tensors_in(value: Any) -> list[torch.Tensor]:
    """Every tensor of arguments or of a result."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [tensor for member in value for tensor in tensors_in(member)] if isinstance(value, (tuple, list)) else []


def calling_line() -> tuple[str, int]:
    """The file and line of the code that called PyTorch, outside PyTorch's own where there is such code."""
    frame: Any = sys._getframe(2)
    while frame is not None and ("/torch/" in frame.f_code.co_filename or "/parity/" in frame.f_code.co_filename):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)
