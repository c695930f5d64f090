"""The comparison itself: two sides, one input, every stage; on a breach, the first layer that differs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare, distance
from paddle_tsm.parity.gradients import Gradients, compare_gradients, gradient_errors
from paddle_tsm.parity.layer_groups import SummaryRow
from paddle_tsm.parity.noise import Gap, measure_gap
from paddle_tsm.parity.option_differences import OptionDifference
from paddle_tsm.parity.steps import Steps, compare_steps
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit
from paddle_tsm.training.nudge import nudged_weights


@dataclass
class Report:
    """Rows in forward order, float64 first, then those of the gradients and of the training steps, where asked for.

    first_layer: the first layer that differs in float64, if any does. layers: precision -> layer -> relative
    difference, in forward order, for the plot. options: those in which the networks differ as they ran. remarks: what
    was done to compare them, a sentence each.
    """

    rows: list[ComparisonRow] = field(default_factory=list)
    first_layer: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    gradients: Gradients | None = None
    steps: Steps | None = None
    gaps: list[Gap] | None = None
    layers: dict[str, dict[str, float]] = field(default_factory=dict)
    options: list[OptionDifference] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return all(row.passed for row in self.rows)

    @property
    def first_breach(self) -> ComparisonRow | None:
        return next((row for row in self.rows if not row.passed), None)


class Clock:
    """Times the parts of a run under their names and tells `step` when one begins."""

    def __init__(self, seconds: dict[str, float], step):
        self.seconds, self.step = seconds, step

    def time(self, part: str, work):
        self.step(part)
        start = time.perf_counter()
        result = work()
        self.seconds[part] = time.perf_counter() - start
        return result


def run_parity(reference, other, x: np.ndarray, same_weights: bool = True, step=lambda part: None) -> Report:
    """Compare two sides on x.

    reference, other: functions from a dtype's name to a side (see `TorchSide`). x: float64 [N*T, 3, H, W].
    same_weights: False also compares every layer, since a stage can hide what a layer shows (a ReLU, a pool).
    step: called with the name of each part before it starts.
    """
    report = Report()
    clock = Clock(report.seconds, step)
    names, a64, b64 = compare_in_float64(report, clock, reference, other, x, same_weights)
    x32 = x.astype("float32")
    a32 = clock.time(f"{names[0]} float32", lambda: reference("float32").outputs(x32))
    b32 = clock.time(f"{names[1]} float32", lambda: other("float32").outputs(x32))
    for name in a32:
        noise = distance(a64[name], a32[name])[1]
        report.rows.append(compare(name, a32[name], b32[name], float32_limit(noise)))
    return report


def compare_in_float64(report: Report, clock: Clock, reference, other, x: np.ndarray, same_weights: bool):
    """Add the rows in float64 to the report. Returns (the sides' names, the reference's outputs, the other's).

    A function of its own, so that both float64 networks are freed before those in float32 are built.
    """
    limit = TOLERANCES["float64"].limit
    first, second = reference("float64"), other("float64")
    outputs = clock.time(f"{first.name} float64", lambda: first.outputs(x))
    other_outputs = clock.time(f"{second.name} float64", lambda: second.outputs(x))
    report.rows += [compare(name, outputs[name], other_outputs[name], limit) for name in outputs]
    if not (report.equal and same_weights):
        row = clock.time("every layer", lambda: first_difference(first, second, x, limit))
        if row:
            report.first_layer = row.name
            if report.equal:
                report.rows.append(row)
    row = clock.time("running statistics", lambda: compare_statistics(first, second, x, limit))
    report.rows.append(row)
    if not row.passed and report.first_layer is None:
        report.first_layer = row.problem.split(".running_")[0]
    return (first.name, second.name), outputs, other_outputs


def compare_statistics(reference, other, x: np.ndarray, limit: float) -> ComparisonRow:
    """One row for all BatchNorms' running statistics after one training pass: the first that fails, else the worst.
    Changes the sides."""
    a, b = reference.statistics(x), other.statistics(x)
    rows = [compare(name, a[name], b[name], limit) for name in a]
    shown = next((row for row in rows if not row.passed), max(rows, key=lambda row: row.max_rel))
    problem = f"{shown.name}: {shown.problem}" if shown.problem else ""
    return ComparisonRow("running stats", shown.precision, (len(rows),), shown.max_abs, shown.max_rel, limit, problem)


def first_difference(reference, other, x: np.ndarray, limit: float) -> ComparisonRow | None:
    """The row of the first layer, in forward order, whose output differs by more than `limit`; None where none does."""
    seen: dict[str, np.ndarray] = {}
    reference.watch_layers(x, seen.__setitem__)
    order = list(seen)
    wrong = {}

    def see(name, output):
        row = compare(name, seen.pop(name), output, limit)
        if not row.passed:
            wrong[name] = row

    other.watch_layers(x, see)
    return next((wrong[name] for name in order if name in wrong), None)


@dataclass(frozen=True)
class Training:
    """What to compare beside the outputs. batches: (x float64 [N*T, 3, H, W], classes [N]), one a step; the gradients
    are those on the first. steps: False leaves it at the gradients. float32: also the gap against the noise. plots:
    also every layer's and gradient's error in both precisions.
    """

    batches: list
    gradients: bool = True
    steps: bool = False
    float32: bool = False
    plots: bool = False
    lr: float = 0.01


def run_training(report: Report, reference, other, training: Training, step=lambda part: None) -> Report:
    """Add to the report what `training` asks for. reference, other: functions (dtype, change) to a fresh side, whose
    weights are change(tensors)."""
    clock = Clock(report.seconds, step)

    def same(tensors):
        return tensors

    def fresh(dtype):
        return reference(dtype, same), other(dtype, same)

    x, target = training.batches[0]
    if training.plots:
        for dtype in ("float64", "float32"):
            errors = partial(layer_errors_in, fresh, x, dtype)
            report.layers[dtype] = clock.time(f"layers {dtype}", errors)
    if training.gradients:
        report.gradients = clock.time("gradients", lambda: compare_gradients(*fresh("float64"), x, target))
        report.rows += report.gradients.rows
    if training.plots and training.gradients:
        report.gradients.errors32 = clock.time(
            "gradients float32", lambda: gradient_errors(*fresh("float32"), x.astype("float32"), target)
        )
    if training.steps:
        report.steps = clock.time(
            "training steps",
            lambda: compare_steps(
                *fresh("float64"),
                training.batches,
                training.lr,
                see=lambda number, sides: step(f"training step {number} of {len(training.batches)}"),
            ),
        )
        report.rows += report.steps.rows
    if training.float32:
        builders = [
            lambda seed, side=side: side("float32", same if seed is None else lambda t: nudged_weights(t, seed))
            for side in (reference, other)
        ]
        report.gaps = clock.time(
            "training steps float32", lambda: measure_gap(*builders, training.batches, training.lr, step)
        )
        report.rows += [gap_row(gap) for gap in report.gaps if gap.judged or not gap.passed]
    return report


def gap_row(gap: Gap) -> SummaryRow:
    """The step at which the gap is furthest above the noise; the limit is that step's."""
    number, _ = gap.worst
    value, noise = gap.gap[number - 1], gap.noise[number - 1]
    limit = TOLERANCES["float32 steps"].limit * noise
    problem = "" if gap.passed else f"step {number}: beyond the noise"
    count = len(gap.gap)
    name = f"{count} step{'s' if count > 1 else ''}: {gap.name}"
    return SummaryRow(name, "float32", (), value, value, limit, problem, f"step {number}", count)


def layer_errors_in(fresh, x: np.ndarray, dtype: str):
    """`layer_errors` of two new sides in the dtype."""
    return layer_errors(*fresh(dtype), x.astype(dtype))


def layer_errors(reference, other, x: np.ndarray) -> dict[str, float]:
    """Layer with weights -> relative difference of its output on x, in forward order."""
    seen: dict[str, np.ndarray] = {}
    reference.watch_layers(x, seen.__setitem__)
    order, errors = list(seen), {}
    other.watch_layers(
        x, lambda name, output: errors.__setitem__(name, compare(name, seen.pop(name), output, 0.0).max_rel)
    )
    return {name: errors[name] for name in order}
