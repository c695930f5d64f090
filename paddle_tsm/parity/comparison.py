"""Two networks on one input in evaluation mode: every stage and, on a breach, the first layer that differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare, distance
from paddle_tsm.parity.layer_outputs import compare_layers, only_called_elsewhere, without_order_of_axes
from paddle_tsm.parity.model_pair.failures import ModelFailed
from paddle_tsm.parity.model_pair.structure import in_precision
from paddle_tsm.parity.named_tensors import THE_MODEL, compare_tensors, layer_of, missing_row
from paddle_tsm.parity.part_timer import PartTimer
from paddle_tsm.parity.report.report import Report
from paddle_tsm.parity.rounding import Judge, keep
from paddle_tsm.parity.side import Side
from paddle_tsm.parity.summary_row import layers_row, named_problem, worst_of
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit

SideBuilder = Callable[[str], Side]  # from "float64" or "float32" to a new side in that precision


def run_parity(
    reference: SideBuilder,
    other: SideBuilder,
    x: Any,
    same_weights: bool = True,
    float32: bool = True,
    progress: Callable[[str], None] = lambda part: None,
    judge: Judge = keep,
) -> Report:
    """Compare two networks on x: every stage in float64 and float32, and BatchNorm's running statistics in float64.

    reference, other: functions from "float64" or "float32" to a new `Side`. x: the inputs in float64.
    same_weights: False also compares every layer, because a ReLU or a pool can hide from a stage what differs in front
    of it. float32: False leaves float32 out. progress: called with the name of each part before it begins. judge: looks
    again at rows that failed (`rounding.py`).
    """
    report = Report()
    timer = PartTimer(report.seconds, progress)
    names, reference64 = compare_in_float64(report, timer, reference, other, x, same_weights, judge)
    if not float32:
        return report
    try:
        report.rows += compare_in_float32(timer, names, reference, other, x, reference64, judge)
    except ModelFailed as error:
        infinite = float("inf")
        report.rows.append(ComparisonRow("output", "float32", (), infinite, infinite, 0.0, str(error)))
    return report


def compare_in_float32(
    timer: PartTimer,
    names: tuple[str, str],
    reference: SideBuilder,
    other: SideBuilder,
    x: Any,
    reference64: Mapping[str, np.ndarray],
    judge: Judge,
) -> list[ComparisonRow]:
    """The rows in float32. names: of the two sides. reference64: the reference's outputs in float64."""
    x32 = in_precision(x, "float32")
    reference32 = timer.time(f"{names[0]} float32", lambda: reference("float32").outputs(x32))
    other32 = timer.time(f"{names[1]} float32", lambda: other("float32").outputs(x32))
    shared = {name: output for name, output in reference32.items() if name in other32}
    limits = {name: float32_limit(distance(reference64[name], output)[1]) for name, output in shared.items()}
    return judge("float32 outputs", compare_outputs(shared, other32, limits, names[1]))


def compare_outputs(
    reference: Mapping[str, np.ndarray],
    other: Mapping[str, np.ndarray],
    limits: Mapping[str, float],
    name_of_other: str,
) -> list[ComparisonRow]:
    """A row for each of the reference's outputs, which fails where the other side has none of this name."""
    rows = []
    for name, output in reference.items():
        if name in other:
            rows.append(compare(name, output, other[name], limits[name]))
        else:
            rows.append(missing_row(name, reference, other, limits[name], ("", name_of_other)))
    return rows


def compare_in_float64(
    report: Report,
    timer: PartTimer,
    reference: SideBuilder,
    other: SideBuilder,
    x: Any,
    same_weights: bool,
    judge: Judge,
) -> tuple[tuple[str, str], dict[str, np.ndarray]]:
    """Add the rows in float64 to the report. Returns the names of the two sides, and the reference's outputs.

    This is a function of its own so that both float64 networks are freed before those in float32 are built.
    """
    limit = TOLERANCES["float64"].limit
    first, second = reference("float64"), other("float64")
    outputs = timer.time(f"{first.name} float64", lambda: first.outputs(x))
    other_outputs = timer.time(f"{second.name} float64", lambda: second.outputs(x))
    report.rows += judge("outputs", compare_outputs(outputs, other_outputs, dict.fromkeys(outputs, limit), second.name))
    for name in [name for name in other_outputs if name not in outputs]:
        report.rows.append(missing_row(name, outputs, other_outputs, limit, (first.name, second.name)))
    if not (report.equal and same_weights):
        exchanged: dict[str, ComparisonRow] = {}
        found = timer.time("every layer", lambda: compare_layers(first, second, x, limit, exchanged=exchanged))
        rows = judge("layers", without_order_of_axes(found, exchanged) if report.equal else found)
        elsewhere = only_called_elsewhere(rows) if report.equal else []
        if elsewhere:
            rows = [row for row in rows if row.passed]
            report.remarks.append(
                f"Only one model calls {', '.join(elsewhere)}; all other layers and the outputs are equal without it"
            )
        report.layers["float64"] = {row.name: row.max_rel for row in rows}
        different = next((row for row in rows if not row.passed), None)
        if different:
            report.first_layer = different.name
        if rows and not same_weights:
            report.rows.append(layers_row(rows))
    if not first.has_statistics():
        return (first.name, second.name), outputs
    row = timer.time("running statistics", lambda: compare_statistics(first, second, x, limit, judge))
    report.rows.append(row)
    if not row.passed and report.first_layer is None:
        report.first_layer = layer_of(row.problem.partition(": ")[0]) or THE_MODEL
    return (first.name, second.name), outputs


def compare_statistics(reference: Side, other: Side, x: Any, limit: float, judge: Judge = keep) -> ComparisonRow:
    """One row for the running statistics of all BatchNorms after one training pass over x. Changes the sides.

    The row has the figures of the worst of them; its shape is their number.
    """
    a, b = reference.statistics(x), other.statistics(x)
    # a mean that is 0 in exact arithmetic, behind a BatchNorm and a convolution without bias, is only rounding
    rows = judge("statistics", compare_tensors(a, b, limit, (reference.name, other.name))[0])
    worst = worst_of(rows)
    return ComparisonRow(
        "running stats", worst.precision, (len(rows),), worst.max_abs, worst.max_rel, limit, named_problem(worst)
    )
