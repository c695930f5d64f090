"""The parity report as tables in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.report.findings import Findings
from paddle_tsm.parity.report.report_text import about_networks, notes, verdict
from paddle_tsm.parity.summary_row import LayersRow, SummaryRow
from paddle_tsm.terminal.literal_text import as_text, literal, plain_console


def print_report(report: Findings, console: Console | None = None) -> None:
    """Print how the networks differ, every row, what must be known of them, the verdict, and the causes."""
    console = console or plain_console()
    for line in about_networks(report):
        console.print(literal(line), highlight=False, soft_wrap=True)
    console.print(outputs_table(report))
    if any(isinstance(row, SummaryRow) for row in report.rows):
        console.print(training_table(report))
    for line in notes(report):
        console.print(literal(line), highlight=False)
    console.print(literal(verdict(report)), style="bold green" if report.equal else "bold red", highlight=False)
    for line in report.causes:
        console.print(literal(line), highlight=False)


def print_seconds(report: Findings, console: Console | None = None) -> None:
    """Print how long each part took."""
    console = console or plain_console()
    console.print("seconds: " + ", ".join(f"{part} {s:.1f}" for part, s in report.seconds.items()), highlight=False)


def outputs_table(report: Findings) -> Table:
    """The forward pass: one row for each output."""
    table = empty_table("PyTorch against Paddle")
    table.add_column("", no_wrap=True)
    table.add_column("output", overflow="fold")
    table.add_column("shape", no_wrap=True)
    for column in ("max abs", "max rel", "limit"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    rows = [row for row in report.rows if not isinstance(row, SummaryRow)]
    add_by_precision(
        table,
        [
            (
                row.precision,
                literal(row.label if isinstance(row, LayersRow) else row.name),
                "x".join(map(str, row.shape)),
                f"{row.max_abs:.1e}",
                f"{row.max_rel:.1e}",
                f"{row.limit:.1e}",
                row_verdict(report, row),
            )
            for row in rows
        ],
    )
    return table


def training_table(report: Findings) -> Table:
    """Gradients and training steps: one row for each group, with its worst member."""
    table = empty_table("In training")
    table.add_column("", no_wrap=True)
    for column in ("compared", "worst"):
        table.add_column(column, overflow="fold")
    for column in ("max rel", "limit"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    rows = [row for row in report.rows if isinstance(row, SummaryRow)]
    add_by_precision(
        table,
        [
            (
                row.precision,
                literal(row.name),
                literal(row.worst),
                f"{row.max_rel:.1e}",
                f"{row.limit:.1e}",
                row_verdict(report, row),
            )
            for row in rows
        ],
    )
    return table


def empty_table(title: str) -> Table:
    """A table in the report's style, without columns."""
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))


def add_by_precision(table: Table, rows: list[tuple]) -> None:
    """Add rows whose first cell is their precision. It is written once for each run of rows that have the same."""
    last = None
    for precision, *cells in rows:
        if last not in (None, precision):
            table.add_section()
        table.add_row("" if precision == last else precision, *cells)
        last = precision


def row_verdict(report: Findings, row: ComparisonRow) -> Text:
    """The row's verdict, in colour."""
    if row.passed:
        return as_text("equal", "green")
    return as_text("first breach", "bold red") if row is report.first_breach else as_text("differs", "red")
