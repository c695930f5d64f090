"""The sentences of the parity report, the same in the terminal, in JSON, in JUnit XML and on the page."""

from __future__ import annotations

import math

from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.first_few import first_few
from paddle_tsm.parity.noise import Float32Gap
from paddle_tsm.parity.report.findings import Findings
from paddle_tsm.parity.tolerance import TOLERANCES

LISTED = 12  # rows of a summary
NAMED = 3  # tensors in a sentence


def about_networks(report: Findings) -> list[str]:
    """How the two networks differ, whatever their outputs are: a sentence each."""
    return [*report.remarks, *(f"The options differ. {one}." for one in report.options)]


def notes(report: Findings) -> list[str]:
    """What a reader of the rows must know: a sentence each."""
    lines = [f"Known difference of the frameworks, taken into account: {one}." for one in report.known]
    if report.gradients or report.steps:
        masks = "the same masks of dropout in both frameworks"
        off = "dropout off, because the frameworks draw different dropout masks"
        lines.append(f"Gradients and steps are those of training mode with {masks if report.same_masks else off}.")
    if report.steps and report.steps.rounded_gradients:
        lines.append(
            "The optimizer divides a gradient by its own size, so that rounding alone would move a weight whose "
            "gradient is 0 in exact arithmetic. For the optimizer such values are 0 in both frameworks, in the "
            f"gradients of: {first_few(report.steps.rounded_gradients, NAMED)}."
        )
    if report.gradients and report.gradients.vanishing:
        lines.append(
            "These gradients are 0 in exact arithmetic, so they are held to the limit in proportion to their layer's "
            f"largest gradient: {first_few(report.gradients.vanishing, NAMED)}."
        )
    return lines + [about_gap(gap) for gap in report.gaps or []]


def about_gap(gap: Float32Gap) -> str:
    """The largest gap of a quantity in proportion to the noise, in a sentence."""
    number, ratio = gap.worst
    verdict = f"limit {TOLERANCES['float32 steps'].limit:g})."
    without_verdict = (
        "it has no verdict: rounding errors cancel in a single number, and the noise of a few runs is small by chance)."
    )
    return (
        f"float32 {gap.name}: the gap between the frameworks is at most {ratio:.2f} times their own noise "
        f"(step {number} of {len(gap.gap)}; {verdict if gap.judged else without_verdict}"
    )


def verdict(report: Findings) -> str:
    """One sentence: equal, or what differs first."""
    row = report.first_breach
    if row is None:
        worst = max((row.max_rel for row in report.rows if row.precision == "float64"), default=0.0)
        return f"equal: largest relative difference in float64 {worst:.1e}"
    options = f" ({'. '.join(map(str, report.options))})" if report.options else ""
    where = f"; first layer that differs: {report.first_layer}" if report.first_layer else ""
    if report.gradients and report.gradients.first:
        where += f"; first gradient that differs, in backward order: {report.gradients.first}"
    size = f", {row.max_rel:.1e} of its largest magnitude" if math.isfinite(row.max_rel) else ""
    return f"differs{options} at {row.name} ({row.precision}): {row.problem}{size}{where}"


def summary(report: Findings) -> str:
    """The verdict, the rows that do not pass, and what would explain them: a line each."""
    failed = [row for row in report.rows if not row.passed]
    lines = [f"{row.precision} {row.name}: {row.problem}{figures(row)}" for row in failed]
    return "\n".join([verdict(report), *lines[:LISTED], *more_rows(lines), *report.causes])


def figures(row: ComparisonRow) -> str:
    """The row's difference and limit; "" where there is no number, because of a shape, a dtype or NaN."""
    return f", {row.max_rel:.1e}, limit {row.limit:.1e}" if math.isfinite(row.max_rel) else ""


def more_rows(lines: list[str]) -> list[str]:
    """How many lines are left out, in a line; none where all are shown."""
    return [f"and {len(lines) - LISTED} more rows"] if len(lines) > LISTED else []
