"""Two networks in training: layer errors for the plots, gradients, training steps, and the gap in float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from paddle_tsm.parity.gradients import TRAINING_OUTPUTS, compare_gradients
from paddle_tsm.parity.layer_outputs import first_difference, layer_errors
from paddle_tsm.parity.model_pair.structure import in_precision
from paddle_tsm.parity.noise import Float32Gap, measure_gaps
from paddle_tsm.parity.part_timer import PartTimer
from paddle_tsm.parity.report.report import Report
from paddle_tsm.parity.rounding import Judge, keep
from paddle_tsm.parity.side import Side
from paddle_tsm.parity.steps import compare_steps
from paddle_tsm.parity.summary_row import SummaryRow
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.training.nudge import nudged_weights

Tensors = dict[str, np.ndarray]
WeightChange = Callable[[Tensors], Tensors]
ChangedSideBuilder = Callable[[str, WeightChange], Side]  # from a precision and a change of the weights to a new side


@dataclass(frozen=True)
class TrainingRequest:
    """What to compare of training.

    batches: (inputs in float64, what the loss takes beside the outputs), one for each step. gradients: compare
    the gradients on the first batch. steps: compare training steps in float64. float32: hold the gap of training steps
    in float32 against the noise. plots: also measure the error of every layer and gradient in both precisions. lr: the
    learning rate of the steps.
    """

    batches: list[tuple[Any, Any]]
    gradients: bool = True
    steps: bool = False
    float32: bool = False
    plots: bool = False
    lr: float = 0.01


def compare_training(
    report: Report,
    reference: ChangedSideBuilder,
    other: ChangedSideBuilder,
    request: TrainingRequest,
    progress: Callable[[str], None] = lambda part: None,
    judge: Judge = keep,
) -> None:
    """Add to the report what the request asks for.

    reference, other: functions (precision, change) to a new `Side`, whose weights are change(the network's tensors).
    progress: called with the name of each part before it begins. judge: looks again at rows that failed.
    """
    timer = PartTimer(report.seconds, progress)

    def new_sides(dtype: str) -> tuple[Side, Side]:
        return reference(dtype, unchanged), other(dtype, unchanged)

    if request.plots:
        x, _ = request.batches[0]
        for dtype in ("float64", "float32"):
            report.layers[dtype] = timer.time(f"layers {dtype}", partial(layer_errors_in, dtype, new_sides, x))
    if request.gradients:
        add_gradients(report, timer, new_sides, request, judge)
    if request.steps:
        report.steps = timer.time(
            "training steps",
            lambda: compare_steps(
                *new_sides("float64"),
                request.batches,
                request.lr,
                see=lambda number, sides: progress(f"training step {number} of {len(request.batches)}"),
                judge=judge,
            ),
        )
        report.rows += report.steps.rows
    if request.float32:
        report.gaps = timer.time(
            "training steps float32",
            lambda: measure_gaps(
                partial(side_for_noise, reference),
                partial(side_for_noise, other),
                request.batches,
                request.lr,
                progress,
            ),
        )
        report.rows += [gap_row(gap) for gap in report.gaps if gap.judged or not gap.passed]


def unchanged(tensors: Tensors) -> Tensors:
    """The weights as they are."""
    return tensors


def layer_errors_in(dtype: str, new_sides: Callable[[str], tuple[Side, Side]], x: Any) -> dict[str, float]:
    """`layer_errors` of two new sides in one precision."""
    return layer_errors(*new_sides(dtype), in_precision(x, dtype))


def side_for_noise(build: ChangedSideBuilder, seed: int | None) -> Side:
    """A new side in float32; with a seed, each weight is moved by one unit in the last place."""
    return build("float32", unchanged if seed is None else lambda tensors: nudged_weights(tensors, seed))


def add_gradients(
    report: Report,
    timer: PartTimer,
    new_sides: Callable[[str], tuple[Side, Side]],
    request: TrainingRequest,
    judge: Judge,
) -> None:
    """Compare the gradients in float64 and, for the plot, measure their errors in float32."""
    x, target = request.batches[0]
    found = timer.time("gradients", lambda: compare_gradients(*new_sides("float64"), x, target, judge))
    report.gradients = found
    report.rows += found.rows
    if report.first_layer is None and any(row.name == TRAINING_OUTPUTS and not row.passed for row in found.rows):
        row = first_difference(*new_sides("float64"), x, TOLERANCES["gradients"].limit, train=True)
        if row:
            report.first_layer = row.name
            report.remarks.append(f"In training mode the first difference shows at '{row.name}': {row.problem}")
    if request.plots:
        x32 = in_precision(x, "float32")
        found.errors32 = timer.time(
            "gradients float32", lambda: compare_gradients(*new_sides("float32"), x32, target).errors
        )


def gap_row(gap: Float32Gap) -> SummaryRow:
    """The row of the step at which the gap is largest in proportion to the noise; its limit is that step's."""
    number, _ = gap.worst
    value, noise, count = gap.gap[number - 1], gap.noise[number - 1], len(gap.gap)
    return SummaryRow(
        name=f"{count} step{'s' if count > 1 else ''}: {gap.name}",
        precision="float32",
        shape=(),
        max_abs=value,
        max_rel=value,
        limit=TOLERANCES["float32 steps"].limit * noise,
        problem="" if gap.passed else f"step {number}: beyond the noise",
        worst=f"step {number}",
        count=count,
    )
