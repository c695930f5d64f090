"""Runs of a PyTorch model whose calls are recorded, or some of which are changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from paddle_tsm.parity.diagnosis.torch_calls import THE_INPUT, CallMode, Record, tensors_in
from paddle_tsm.parity.diagnosis.variation import Change
from paddle_tsm.parity.model_pair.outputs import named_outputs
from paddle_tsm.parity.model_pair.structure import leaves
from paddle_tsm.parity.model_pair.torch_model import TorchModel
from paddle_tsm.parity.model_pair.watched import INPUT, Emitter


class Reached(BaseException):
    """Ends a run once the value that was asked for is there. It is no error, so that nothing takes it for one."""

    def __init__(self, array: np.ndarray):
        super().__init__()
        self.array = array


class RecordingEmitter(Emitter):
    """Writes what the layers took and gave, and where it comes from."""

    def __init__(self, layers: dict[str, Any], mode: CallMode, record: Record):
        super().__init__(layers, record.arrays.__setitem__)
        self.mode, self.record = mode, record
        self.first: dict[tuple[str, int], int] = {}

    def show(self, name: str, call: int, kind: str, value: Any) -> None:
        self.mode.paused = True
        known = set(self.record.arrays)
        super().show(name, call, kind, value)
        new = [label for label in self.record.arrays if label not in known]
        if kind == INPUT:
            self.first[name, call] = self.mode.number
        tensors = [leaf for leaf in leaves(value).values() if hasattr(leaf, "dtype")]
        for label, tensor in zip(new, tensors):
            self.record.tensors[label] = tensor
            origin = self.mode.origin_of(tensor)
            self.record.origins[label] = [] if origin is None else [origin]
            if kind != INPUT:
                self.record.spans[label] = self.first[name, call]
                self.mode.mark([tensor], label)
        self.mode.paused = False


class Stopper(Emitter):
    """Ends the run at the value of this name."""

    def __init__(self, layers: dict[str, Any], mode: CallMode, label: str):
        super().__init__(layers, self.stop_at)
        self.mode, self.wanted = mode, label

    def show(self, name: str, call: int, kind: str, value: Any) -> None:
        self.mode.paused = True
        super().show(name, call, kind, value)
        self.mode.paused = False

    def stop_at(self, label: str, array: np.ndarray) -> None:
        if label == self.wanted:
            raise Reached(array)


def entered(mode: CallMode, name: str, module: torch.nn.Module, arguments: tuple) -> None:
    """A hook: the module of this name begins to run."""
    mode.modules.append(name)


@contextlib.contextmanager
def in_modules(model: torch.nn.Module, mode: CallMode) -> Iterator[None]:
    """While it lasts, the mode knows which module is running."""
    hooks = [
        model.register_forward_pre_hook(lambda m, a, k: mode.mark(tensors_in((a, k)), THE_INPUT), with_kwargs=True)
    ]
    for name, module in model.named_modules():
        hooks.append(module.register_forward_pre_hook(partial(entered, mode, name), prepend=True))
        hooks.append(module.register_forward_hook(lambda m, a, o: (mode.modules.pop(), None)[1], always_call=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextlib.contextmanager
def with_mode(side: TorchModel, mode: CallMode) -> Iterator[None]:
    """While it lasts, the side's model runs under the mode, inside the side's own context."""
    own = side.context

    @contextlib.contextmanager
    def both() -> Iterator[None]:
        with own(), mode:
            yield

    side.context = both
    try:
        yield
    finally:
        side.context = own


def record_run(side: TorchModel, inputs: Any, train: bool = False) -> Record:
    """Run the side's model once and record its calls and all that its watched layers took and gave."""
    record = Record()
    mode = CallMode(record=record)
    side.set_mode(train)
    with with_mode(side, mode), in_modules(side.model, mode), RecordingEmitter(side.watched, mode, record):
        given = side.run(inputs)
    side.model.eval()
    record.arrays |= named_outputs(given)
    for path, tensor in zip(named_outputs(given), leaves(given).values()):
        record.tensors[path] = tensor
        origin = mode.origin_of(tensor)
        record.origins[path] = [] if origin is None else [origin]
    return record


def changed_run(
    side: TorchModel, inputs: Any, changes: dict[int, Change], label: str, train: bool = False
) -> np.ndarray:
    """The value of this name of a run in which some calls are changed."""
    mode = CallMode(changes)
    side.set_mode(train)
    try:
        with with_mode(side, mode), Stopper(side.watched, mode, label):
            given = side.run(inputs)
        return named_outputs(given)[label]
    except Reached as reached:
        return reached.array
    finally:
        side.model.eval()
