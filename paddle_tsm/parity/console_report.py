"""The parity report as a table for people."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from paddle_tsm.parity.comparison import Report
from paddle_tsm.parity.layer_groups import SummaryRow
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.terminal.literal_text import as_text, literal, plain_console


def print_report(report: Report, console: Console | None = None) -> None:
    """Print what the networks themselves differ in, every row, the first breach marked, then the verdict."""
    console = console or plain_console()
    for line in about_networks(report):
        console.print(literal(line), highlight=False, soft_wrap=True)
    console.print(outputs_table(report))
    if any(isinstance(row, SummaryRow) for row in report.rows):
        console.print(training_table(report))
    for line in notes(report):
        console.print(literal(line), highlight=False)
    console.print(literal(verdict(report)), style="bold green" if report.equal else "bold red", highlight=False)


def outputs_table(report: Report) -> Table:
    """The forward pass: a row an output."""
    table = Table(title="PyTorch against Paddle", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("", "output", "shape", "max abs", "max rel", "limit", "verdict"):
        table.add_column(column, justify="right" if column in ("max abs", "max rel", "limit") else "left", no_wrap=True)
    precision = None
    for row in (row for row in report.rows if not isinstance(row, SummaryRow)):
        if precision not in (None, row.precision):
            table.add_section()
        table.add_row(
            "" if row.precision == precision else row.precision,
            literal(row.name),
            "x".join(map(str, row.shape)),
            f"{row.max_abs:.1e}",
            f"{row.max_rel:.1e}",
            f"{row.limit:.1e}",
            passed(report, row),
        )
        precision = row.precision
    return table


def training_table(report: Report) -> Table:
    """Gradients and training steps: a row a group, with its worst member."""
    table = Table(title="In training", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("compared", no_wrap=True)
    table.add_column("worst", overflow="fold")
    for column in ("max rel", "limit"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    precision = None
    for row in (row for row in report.rows if isinstance(row, SummaryRow)):
        if precision not in (None, row.precision):
            table.add_section()
        table.add_row(
            "" if row.precision == precision else row.precision,
            literal(row.name),
            literal(row.worst),
            f"{row.max_rel:.1e}",
            f"{row.limit:.1e}",
            passed(report, row),
        )
        precision = row.precision
    return table


def passed(report: Report, row) -> Text:
    """The row's verdict, in colour."""
    if row.passed:
        return as_text("equal", "green")
    return as_text("first breach", "bold red") if row is report.first_breach else as_text("differs", "red")


def about_networks(report: Report) -> list[str]:
    """What the two networks differ in, whatever their outputs are: a sentence each."""
    return [*report.remarks, *(f"The options differ. {one}." for one in report.options)]


def notes(report: Report) -> list[str]:
    """What a reader of the rows must know: a sentence each."""
    lines = []
    if report.gradients or report.steps:
        lines.append(
            "Gradients and steps are those of training mode with dropout off: the frameworks draw other masks."
        )
    if report.gradients and report.gradients.vanishing:
        names = report.gradients.vanishing
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(
            f"0 in exact arithmetic, so held to the limit in proportion to their layer's largest gradient: "
            f"{', '.join(names[:3])}{more}."
        )
    for gap in report.gaps or []:
        number, ratio = gap.worst
        lines.append(
            f"float32 {gap.name}: the gap between the frameworks is at most {ratio:.2f} times their own noise "
            f"(step {number} of {len(gap.gap)}; "
            + (
                f"limit {TOLERANCES['float32 steps'].limit:g})."
                if gap.judged
                else "shown without a verdict: in one number "
                "rounding errors cancel, and the noise of a few runs is small by chance)."
            )
        )
    return lines


def verdict(report: Report) -> str:
    """One sentence: equal, or what differs first."""
    if report.equal:
        worst = max((row.max_rel for row in report.rows if row.precision == "float64"), default=0.0)
        return f"equal: largest relative difference in float64 {worst:.1e}"
    row = report.first_breach
    options = f" ({'. '.join(map(str, report.options))})" if report.options else ""
    where = f"; first layer that differs: {report.first_layer}" if report.first_layer else ""
    if report.gradients and report.gradients.first:
        where += f"; first gradient that differs, in backward order: {report.gradients.first}"
    return f"differs{options} at {row.name} ({row.precision}): {row.problem}, {row.max_rel:.1e} of its largest magnitude{where}"


def print_seconds(report: Report, console: Console | None = None) -> None:
    """Print how long each part took."""
    console = console or plain_console()
    console.print("seconds: " + ", ".join(f"{part} {s:.1f}" for part, s in report.seconds.items()), highlight=False)
