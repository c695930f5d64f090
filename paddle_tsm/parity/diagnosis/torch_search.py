"""Tries what the calls in front of a difference could do otherwise, and keeps what makes the difference vanish."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from paddle_tsm.parity.diagnosis.relations import far, relations, shift_of_source
from paddle_tsm.parity.diagnosis.torch_activations import ACTIVATIONS
from paddle_tsm.parity.diagnosis.torch_calls import Call, Origin
from paddle_tsm.parity.diagnosis.torch_replay import Replay
from paddle_tsm.parity.diagnosis.torch_variations import fitted_variations, general_variations, specific_variations
from paddle_tsm.parity.diagnosis.variation import Change, Fit, Variation
from paddle_tsm.parity.model_pair.watched import INPUT

SECONDS = 20.0  # for one difference: a large network runs slowly, and a search without an end helps nobody
FIT_RUNS = 14
MOST = 3  # explanations of one difference
# raised where a call has other arguments than its function usually has, so that it has no variations
UNUSUAL = (AttributeError, TypeError, ValueError, IndexError, KeyError, RuntimeError)


@dataclass(frozen=True)
class Explanation:
    """What makes a difference vanish. call: which one is changed, or None for a relation of the values themselves.
    left: what remains of the difference. words: the change, as in "with eps 0.001 instead of 1e-05".
    """

    kind: str
    before: str
    after: str
    words: str
    left: float
    call: Call | None = None


class Search:
    """Explains one difference. limit: the relative difference that counts as none."""

    def __init__(self, replay: Replay, limit: float):
        self.replay, self.limit = replay, limit
        self.end = time.monotonic() + SECONDS
        self.found: list[Explanation] = []

    def explain(self) -> list[Explanation]:
        """The simplest explanations; [] where nothing that was tried explains the difference."""
        stages = (
            lambda: self._by_calls(lambda call: specific_variations(call.name, call.args, call.kwargs)),
            lambda: self._by_calls(lambda call: general_variations(call.name, call.args, call.kwargs, call.result)),
            self._by_values,
            lambda: self._by_calls(lambda call: fitted_variations(call.name, call.args, call.result)),
            self._by_exchange,
            self._by_two_changes,
        )
        for stage in stages:
            stage()
            if self.found:
                return self.found[:MOST]
        return []

    def _groups(self) -> Iterator[list[Call]]:
        """Each call, the nearest first, then all calls of one line of code together, such as those of a loop."""
        sites: dict[tuple, list[Call]] = {}
        for call in self.replay.calls:
            sites.setdefault((call.name, call.module, call.line), []).append(call)
            yield [call]
        yield from (calls for calls in sites.values() if len(calls) > 1)

    def _by_calls(self, variations: Callable[[Call], Iterator[Variation | Fit]]) -> None:
        for calls in self._groups():
            self._try(calls, variations(calls[0]))
            if self.found:
                return

    def _try(self, calls: list[Call], variations: Iterator[Variation | Fit]) -> None:
        seen: set[str] = set()
        try:
            for variation in variations:
                if time.monotonic() > self.end:
                    return
                if isinstance(variation, Fit):
                    if not self.found:
                        self._fit(calls, variation)
                    continue
                left = self.replay.measure({call.number: variation.change for call in calls})
                if self.replay.explains(left, self.limit) and variation.kind not in seen:
                    seen.add(variation.kind)
                    self._keep(calls[0], variation, left)
        except UNUSUAL:
            return

    def _keep(self, call: Call, variation: Variation, left: float) -> None:
        self.found.append(Explanation(variation.kind, variation.before, variation.after, variation.phrase, left, call))

    def _fit(self, calls: list[Call], fit: Fit) -> None:
        """Find the number with which the difference vanishes, by the secant method."""

        def changes(value: float) -> dict[int, Change]:
            return {call.number: fit.change(value) for call in calls}

        first, second = fit.start, fit.start * 2 if fit.start else 0.1
        a, b = (self.replay.value(changes(value)) for value in (first, second))
        if a is None or b is None or a.dtype.kind != "f":
            return
        direction = (b - a).ravel()
        if not np.isfinite(direction).all() or not direction.any():
            return
        goal = float(self.replay.target.ravel() @ direction)
        at_first, at_second = float(a.ravel() @ direction) - goal, float(b.ravel() @ direction) - goal
        best: tuple[float, float] | None = None
        for _ in range(FIT_RUNS):
            if at_second == at_first or not np.isfinite(at_second):
                break
            third = second - at_second * (second - first) / (at_second - at_first)
            value = self.replay.value(changes(third))
            if value is None or not np.isfinite(value).all():
                break
            left = self.replay.difference(value)
            if best is not None and left >= best[1]:
                break
            if self.replay.explains(left, self.limit):
                best = third, left  # one more step may leave less
            first, at_first = second, at_second
            second, at_second = third, float(value.ravel() @ direction) - goal
        if best is not None:
            self._keep(calls[0], fit.at(best[0]), best[1])

    def _by_values(self) -> None:
        """Relations of the two values, whatever made them differ; something more that Paddle does with PyTorch's."""
        own, target = self.replay.own, self.replay.target
        for label in self.replay.sources:
            source = self.replay.record.arrays.get(label)
            if source is not None and source.dtype.kind == "f":
                if own.shape == target.shape and far(source, target) <= self.limit:
                    words = f"without what is done after {label}"
                    self.found.append(Explanation("call left out", "", words, words, far(source, target)))
                if found := shift_of_source(source, own, target):
                    self.found.append(explanation_of(found.kind, found.after, found.distance))
        for relation in relations(own, target):
            self.found.append(explanation_of(relation.kind, relation.after, relation.distance))
        self._by_other_values()
        if own.dtype.kind == "f" and own.shape == target.shape:
            for name, left in self._more_functions():
                words = f"with {name} of it besides"
                self.found.append(Explanation("further call", "", name, words, left))

    def _by_other_values(self) -> None:
        """Paddle's value is what an earlier call gives, or what PyTorch has elsewhere."""
        target = self.replay.target
        for call in self.replay.calls:
            if isinstance(call.result, torch.Tensor) and tuple(call.result.shape) == target.shape:
                left = far(call.result.numpy(), target)
                if left <= self.limit:
                    words = f"without what is done after {call.name}"
                    self.found.append(Explanation("call left out", "", words, words, left))
                    return
        for label, array in self.replay.record.arrays.items():
            if label != self.replay.label and array.shape == target.shape and far(array, target) <= self.limit:
                words = f"the {label}" if INPUT in label else f"what {label} gives"
                self.found.append(explanation_of("another value", words, far(array, target)))
                return

    def _more_functions(self) -> Iterator[tuple[str, float]]:
        own = torch.from_numpy(np.array(self.replay.own))
        functions: dict[str, Callable[..., Any]] = dict(ACTIVATIONS)
        for axis in range(own.ndim):
            functions[f"softmax along axis {axis}"] = partial(torch.softmax, dim=axis)
            functions[f"log_softmax along axis {axis}"] = partial(torch.log_softmax, dim=axis)
            functions[f"normalize along axis {axis}"] = partial(torch.nn.functional.normalize, dim=axis)
        for name, function in functions.items():
            left = self.replay.difference(function(own).numpy())
            if self.replay.explains(left, self.limit):
                yield name, left

    def _by_exchange(self) -> None:
        """Two calls, the second of which takes the result of the first, the other way round."""
        by_number: dict[Origin, Call] = {call.number: call for call in self.replay.calls}
        for second in self.replay.calls:
            first = by_number.get(second.origins[0]) if len(second.origins) == 1 else None
            if first is None or len(first.origins) > 1 or not (first.args and second.args):
                continue
            left = self.replay.measure({first.number: in_place_of(second), second.number: in_place_of(first)})
            if self.replay.explains(left, self.limit):
                before, after = f"{first.name}, {second.name}", f"{second.name}, {first.name}"
                words = f"with {second.name} in front of {first.name}"
                self.found.append(Explanation("order of calls", before, after, words, left, second))
                return

    def _by_two_changes(self) -> None:
        """Two calls that differ at once: an exchange of arguments in one of them, and in another."""
        best: list[tuple[float, Call, Variation]] = []
        for call in self.replay.calls[:6]:
            try:
                for variation in specific_variations(call.name, call.args, call.kwargs):
                    if time.monotonic() > self.end:
                        return
                    if isinstance(variation, Variation):
                        left = self.replay.measure({call.number: variation.change})
                        if np.isfinite(left):
                            best.append((left, call, variation))
            except UNUSUAL:
                continue
        best.sort(key=lambda one: one[0])
        for i, (_, call, variation) in enumerate(best[:24]):
            for _, other, more in best[i + 1 : 48]:
                if other is not call and time.monotonic() < self.end:
                    left = self.replay.measure({call.number: variation.change, other.number: more.change})
                    if self.replay.explains(left, self.limit):
                        self._keep(call, variation, left)
                        self._keep(other, more, left)
                        return


def in_place_of(call: Call) -> Change:
    """The change of a call to what another one does with its first argument."""
    return lambda func, args, kwargs: call.func(args[0], *call.args[1:], **call.kwargs)


def explanation_of(kind: str, after: str, left: float) -> Explanation:
    """The explanation that a relation of two values gives."""
    return Explanation(kind, "", after, f"Paddle's values are {after}", left)
