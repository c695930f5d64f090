"""The calls in front of one value run again, with some of them changed, and held against what Paddle has there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.diagnosis.places import Place
from paddle_tsm.parity.diagnosis.torch_calls import Call, Record, tensors_in, with_copied_statistics
from paddle_tsm.parity.diagnosis.torch_functions import works_in_place
from paddle_tsm.parity.diagnosis.torch_runs import changed_run
from paddle_tsm.parity.diagnosis.variation import Change
from paddle_tsm.parity.model_pair.structure import as_array
from paddle_tsm.parity.model_pair.torch_model import TorchModel

NEARER = 1e-6  # a change that explains a difference leaves at most this share of it


class Replay:
    """What a value of a run would be, if some calls were others.

    place: the value's name and Paddle's value. wrong: the names of all values that differ. The calls alone are run
    where that gives the recorded value, else the whole model is.
    """

    def __init__(self, side: TorchModel, inputs: Any, record: Record, place: Place, wrong: frozenset[str], train: bool):
        assert place.array is not None
        self.side, self.inputs, self.record, self.label, self.target = side, inputs, record, place.label, place.array
        self.train, self.runs = train, 0
        self.calls, self.sources = record.behind(place.label, wrong)
        self.own = record.arrays[place.label]
        self.before = self.difference(self.own)
        self.alone = not any(in_place(call) for call in self.calls) and self._replays()

    def _replays(self) -> bool:
        try:
            return np.array_equal(self._run_alone({}), self.own)
        except Exception:  # whatever cannot be replayed alone is run with the whole model
            return False

    def difference(self, array: np.ndarray) -> float:
        """The relative difference between Paddle's value and this one; infinite where it cannot be compared."""
        if array.shape != self.target.shape or array.dtype != self.target.dtype or not array.size:
            return float("inf")
        found = distance(array, self.target)[1]
        return found if np.isfinite(found) else float("inf")

    def measure(self, changes: dict[int, Change]) -> float:
        """The difference that remains with these calls changed; infinite where the changed model does not run."""
        array = self._changed(changes)
        return float("inf") if array is None else self.difference(array)

    def value(self, changes: dict[int, Change]) -> np.ndarray | None:
        """The value with these calls changed; None where the changed model does not run, or gives another shape."""
        array = self._changed(changes)
        return array if array is not None and array.shape == self.target.shape else None

    def _changed(self, changes: dict[int, Change]) -> np.ndarray | None:
        """The value with these calls changed; None where the changed model does not run."""
        self.runs += 1
        try:
            return self._run_alone(changes) if self.alone else self._run_model(changes)
        except Exception:  # PyTorch refuses a change in many ways; one that does not run explains nothing
            return None

    def explains(self, left: float, limit: float) -> bool:
        """Whether so small a difference explains what there was."""
        return left <= max(limit, NEARER * self.before if np.isfinite(self.before) else 0.0)

    def _run_model(self, changes: dict[int, Change]) -> np.ndarray:
        return changed_run(self.side, self.inputs, changes, self.label, self.train)

    def _run_alone(self, changes: dict[int, Change]) -> np.ndarray:
        made: dict[int, torch.Tensor] = {}
        with torch.no_grad(), self.side.context():
            for call in reversed(self.calls):
                args, kwargs = with_copied_statistics(call.name, call.args, call.kwargs)
                args, kwargs = substituted(args, made), substituted(kwargs, made)
                if call.number in changes:
                    result = changes[call.number](call.func, args, kwargs)
                else:
                    result = call.func(*args, **kwargs)
                for old, new in zip(tensors_in(call.result), tensors_in(result)):
                    made[id(old)] = new
        wanted = self.record.tensors[self.label]
        return as_array(made.get(id(wanted), wanted))


def substituted(value: Any, made: dict[int, torch.Tensor]) -> Any:
    """Arguments with the tensors that were made anew."""
    if isinstance(value, torch.Tensor):
        return made.get(id(value), value)
    if isinstance(value, dict):
        return {key: substituted(member, made) for key, member in value.items()}
    if isinstance(value, (tuple, list)) and not isinstance(value, torch.Size):
        return type(value)(substituted(member, made) for member in value)
    return value


def in_place(call: Call) -> bool:
    """Whether the call changes one of its arguments."""
    written = call.name == "__setitem__" or call.kwargs.get("out") is not None
    return written or works_in_place(call.name, call.kwargs)
