"""The comparison itself: two sides, one input, every stage; on a breach, the first layer that differs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from paddle_tsm.parity.compare import Row, compare, distance
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit


@dataclass
class Report:
    """Rows in forward order, float64 first. `first_layer`: the first layer that differs in float64, if any does."""

    rows: list[Row] = field(default_factory=list)
    first_layer: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        return all(row.passed for row in self.rows)

    @property
    def first_breach(self) -> Row | None:
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
    limit = TOLERANCES["float64"].limit

    sides = {"reference": reference("float64"), "other": other("float64")}
    names = [side.name for side in sides.values()]
    a64 = clock.time(f"{names[0]} float64", lambda: sides["reference"].outputs(x))
    b64 = clock.time(f"{names[1]} float64", lambda: sides["other"].outputs(x))
    report.rows += [compare(name, a64[name], b64[name], limit) for name in a64]
    if not (report.equal and same_weights):
        row = clock.time("every layer", lambda: first_difference(*sides.values(), x, limit))
        if row:
            report.first_layer = row.name
            if report.equal:
                report.rows.append(row)
    row = clock.time("running statistics", lambda: compare_statistics(*sides.values(), x, limit))
    report.rows.append(row)
    if not row.passed and report.first_layer is None:
        report.first_layer = row.problem.split(".running_")[0]
    del sides

    x32 = x.astype("float32")
    a32 = clock.time(f"{names[0]} float32", lambda: reference("float32").outputs(x32))
    b32 = clock.time(f"{names[1]} float32", lambda: other("float32").outputs(x32))
    for name in a32:
        noise = distance(a64[name], a32[name])[1]
        report.rows.append(compare(name, a32[name], b32[name], float32_limit(noise)))
    return report


def compare_statistics(reference, other, x: np.ndarray, limit: float) -> Row:
    """One row for all BatchNorms' running statistics after one training pass: the first that fails, else the worst.
    Changes the sides."""
    a, b = reference.statistics(x), other.statistics(x)
    rows = [compare(name, a[name], b[name], limit) for name in a]
    shown = next((row for row in rows if not row.passed), max(rows, key=lambda row: row.max_rel))
    problem = f"{shown.name}: {shown.problem}" if shown.problem else ""
    return Row("running stats", shown.precision, (len(rows),), shown.max_abs, shown.max_rel, limit, problem)


def first_difference(reference, other, x: np.ndarray, limit: float) -> Row | None:
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
