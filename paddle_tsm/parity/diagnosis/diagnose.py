"""Names where two models first differ and what was measured to explain it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from paddle_tsm.parity.diagnosis.cause import Cause
from paddle_tsm.parity.diagnosis.places import Place, wrong_places
from paddle_tsm.parity.diagnosis.tensor_causes import tensor_causes
from paddle_tsm.parity.diagnosis.training import statistics_causes
from paddle_tsm.parity.first_few import first_few
from paddle_tsm.parity.layer_outputs import NOT_RUN
from paddle_tsm.parity.report.report import Report
from paddle_tsm.parity.side import layer_of_value
from paddle_tsm.parity.tolerance import TOLERANCES

if TYPE_CHECKING:
    from paddle_tsm.parity.diagnosis.torch_calls import Record
    from paddle_tsm.parity.diagnosis.torch_search import Explanation
    from paddle_tsm.parity.model_pair.model_pair import ModelPair
    from paddle_tsm.parity.model_pair.paddle_model import PaddleModel
    from paddle_tsm.parity.model_pair.torch_model import TorchModel
    from paddle_tsm.parity.training_comparison import TrainingRequest

UNEXPLAINED = "unexplained"
MOST_SECONDS = 60.0  # for all differences of a forward pass
LISTED = 3  # layers that a sentence names

Sides = tuple[Callable[[str], "TorchModel"], Callable[[str], "PaddleModel"]]  # from a precision to a new side


def diagnose(report: Report, pair: ModelPair, request: TrainingRequest) -> None:
    """Write into a report that is not equal where the two models first differ, and the causes.

    pair: makes the two models' sides. request: what was compared of training.
    """
    if all(row.passed for row in report.rows if row.precision != "float32"):
        return  # rounding alone: float64 shows no difference whose cause could be sought
    with np.errstate(invalid="ignore", over="ignore"):  # infinite values, which never pass
        find_causes(report, pair, request)


def find_causes(report: Report, pair: ModelPair, request: TrainingRequest) -> None:
    """As `diagnose`, for a report with a difference in float64."""
    inputs = request.batches[0][0]
    tensors = [] if pair.copied else tensor_causes(*pair.own_tensors())
    sides: Sides = (pair.torch_side, partial(pair.paddle_side, copied=True))
    name, causes = forward_causes(sides, inputs)
    if tensors and name is None:
        tensors.append(Cause("", "same weights", "", "", "with PyTorch's weights in both the forward pass is equal"))
    if not tensors:
        in_training, statistics = training_causes(sides, inputs, name is None)
        name, causes = name or in_training, [*causes, *statistics]
    if name is None and not tensors and report.gradients and report.gradients.first:
        causes += gradients_of(sides, inputs, report.gradients.first)
        name = causes[0].layer if causes else None
    if name is None and not tensors and request.steps:
        causes += steps_of(sides, request)
    report.diagnosed += together(tensors) + causes
    report.first_layer = (tensors[0].layer if tensors else name) or report.first_layer


def training_causes(sides: Sides, inputs: Any, in_evaluation_equal: bool) -> tuple[str | None, list[Cause]]:
    """(The first place that differs in training mode alone, the causes); of running statistics, too."""
    torch_side, paddle_side = new_sides(sides)
    torch_side.start_training(0.0)
    paddle_side.start_training(0.0)
    before = torch_side.tensors()
    training = Pass(torch_side, paddle_side, inputs, train=True)
    name, causes = training.causes() if in_evaluation_equal else (None, [])
    statistics = statistics_causes(before, torch_side.tensors(), paddle_side.tensors(), training.record, torch_side)
    return name or (statistics[0].layer if statistics else None), causes + together(statistics)


def gradients_of(sides: Sides, inputs: Any, first: str) -> list[Cause]:
    """The causes of gradients that differ. first: the first one that does, in backward order."""
    from paddle_tsm.parity.diagnosis.torch_gradients import gradient_causes

    torch_side, paddle_side = new_sides(sides)
    torch_side.start_training(0.0)
    paddle_side.start_training(0.0)
    return gradient_causes(torch_side, paddle_side, inputs, first)


def steps_of(sides: Sides, request: TrainingRequest) -> list[Cause]:
    """The causes of training steps that differ from equal gradients."""
    from paddle_tsm.parity.diagnosis.torch_steps import step_causes

    return step_causes(lambda: sides[0]("float64"), lambda: sides[1]("float64"), request.batches, request.lr)


def new_sides(sides: Sides) -> tuple[TorchModel, PaddleModel]:
    """Both sides in float64."""
    return sides[0]("float64"), sides[1]("float64")


class Pass:
    """One run of PyTorch's model, and one of Paddle's in which every layer gets PyTorch's input."""

    def __init__(self, torch_side: TorchModel, paddle_side: PaddleModel, inputs: Any, train: bool):
        from paddle_tsm.parity.diagnosis.torch_runs import record_run

        self.side, self.inputs, self.train = torch_side, inputs, train
        self.record = record_run(torch_side, inputs, train)
        limit = TOLERANCES["float64"].limit
        self.places = wrong_places(self.record, paddle_side, inputs, limit, train)

    def causes(self) -> tuple[str | None, list[Cause]]:
        """(The first place that differs, a cause for each that does); (None, []) where nothing differs."""
        wrong = frozenset(place.label for place in self.places)
        causes: list[tuple[Cause, tuple]] = []
        first = None
        end = time.monotonic() + MOST_SECONDS
        for number, place in enumerate(self.places):
            if time.monotonic() > end:
                left = f"the search ended after {MOST_SECONDS:.0f} s; {len(self.places) - number} more values differ"
                causes.append((Cause(place.label, UNEXPLAINED, "", "", f"{place.label}: {left}"), (place.label,)))
                break
            if place.array is None:  # an output that only one model gives has no values to explain
                continue
            name, found = causes_of(place, wrong, self.record, self.side, self.inputs, self.train)
            known = [key for _, key in causes]
            causes += [(cause, key) for cause, key in found if key not in known]
            first = first or name
            if place.row.problem.startswith("shape"):
                break  # PyTorch's values cannot take the place of this one, and what follows differs because of it
        return first, together([cause for cause, _ in causes])


def forward_causes(sides: Sides, inputs: Any) -> tuple[str | None, list[Cause]]:
    """(The first place that differs in evaluation mode, a cause for each place that does); (None, []) for none."""
    torch_side, paddle_side = new_sides(sides)
    found = Pass(torch_side, paddle_side, inputs, train=False)
    missing = [layer_of_value(place.label) for place in found.places if NOT_RUN in place.row.problem]
    if missing:  # what only one model calls is no point at which both can be compared
        torch_side.watched = {name: layer for name, layer in torch_side.watched.items() if name not in missing}
        paddle_side.watched = {name: layer for name, layer in paddle_side.watched.items() if name not in missing}
        found = Pass(torch_side, paddle_side, inputs, train=False)
        if not found.places:
            sentence = f"{missing[0]}: only one model calls this layer; nothing else differs"
            return missing[0], [Cause(missing[0], "layer not run", "", "", sentence)]
    return found.causes()


def causes_of(
    place: Place, wrong: frozenset[str], record: Record, side: TorchModel, inputs: Any, train: bool
) -> tuple[str, list[tuple[Cause, tuple]]]:
    """The name of a place, and its causes, each with a key by which it is known again at another place."""
    from paddle_tsm.parity.diagnosis.torch_replay import Replay
    from paddle_tsm.parity.diagnosis.torch_search import Search

    label = place.label
    gap = label not in record.spans
    name = record.gap(label) if gap else label
    replay = Replay(side, inputs, record, place, wrong, train)
    found = Search(replay, TOLERANCES["float64"].limit).explain()
    if gap and found and found[0].call is not None:
        name = own_layer(side, found[0].call.module) or name
    start = beginning(place, gap, bool(record_weights(side, name)))
    if not found and place.array is not None and place.row.problem == "NaN or infinite":
        counts = [int(array.size - np.isfinite(array).sum()) for array in (record.arrays[label], place.array)]
        sentence = f"{name}: {start}; {counts[0]} of PyTorch's values and {counts[1]} of Paddle's are not finite"
        return name, [(Cause(name, "not finite", str(counts[0]), str(counts[1]), sentence), (name, "not finite"))]
    if not found:
        sentence = f"{name}: {start}; none of {replay.runs} changes that were tried explains it"
        key = (UNEXPLAINED, tuple(map(str, record.origins.get(label, [label]))))
        return name, [(Cause(name, UNEXPLAINED, "", "", sentence), key)]
    return name, [(cause_of(name, start, one), key_of(name, one)) for one in found]


def own_layer(side: TorchModel, module: str) -> str:
    """A module that is not compared by itself and holds no others, such as an activation; "" for any other."""
    layer = dict(side.named_layers()).get(module)
    return module if module and layer is not None and not list(layer.children()) else ""


def record_weights(side: TorchModel, name: str) -> list[Any]:
    """The weights of the layer of this name."""
    layer = dict(side.named_layers()).get(layer_of_value(name))
    return list(layer.parameters()) if layer is not None and name else []


def beginning(place: Place, gap: bool, weights: bool) -> str:
    """What is known of a difference before it is explained."""
    row = place.row
    size = f"differs by {row.max_rel:.1e}" if row.max_rel != float("inf") else f"differs ({row.problem})"
    if gap:
        what = "output" if ": input" not in place.label else "input of " + place.label.replace(": input", "")
        return f"the same values go in; the {what} {size}"
    return f"same {'weights and ' if weights else ''}input; its output {size}"


def cause_of(name: str, start: str, found: Explanation) -> Cause:
    """The cause with its sentence."""
    return Cause(name, found.kind, found.before, found.after, f"{name}: {start}; {found.words} by {found.left:.1g}")


def key_of(name: str, found: Explanation) -> tuple:
    """What tells that two places have one cause: the same change of the same call."""
    return (found.kind, found.after, found.call.number if found.call is not None else name)


def together(causes: list[Cause]) -> list[Cause]:
    """One cause for all layers that have the same one."""
    groups: dict[tuple[str, str, str], list[Cause]] = {}
    for cause in causes:
        key = (cause.kind, cause.before, cause.after)
        groups.setdefault(key if cause.kind != UNEXPLAINED else (cause.kind, cause.layer, ""), []).append(cause)
    return [with_others(members) for members in groups.values()]


def with_others(members: list[Cause]) -> Cause:
    """The first of several causes, whose sentence names the others."""
    first = members[0]
    names = [name for name in dict.fromkeys(cause.layer for cause in members) if name != first.layer]
    if not names:
        return first
    sentence = f"{first.sentence}. The same holds for {first_few(names, LISTED)}"
    return Cause(first.layer, first.kind, first.before, first.after, sentence)
