"""The parity report as a table for people, JSON and JUnit XML for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from xml.etree import ElementTree

from rich import box
from rich.console import Console
from rich.table import Table

from paddle_tsm.atomic_file import atomic_file
from paddle_tsm.parity.run import Report


def print_report(report: Report, console: Console | None = None) -> None:
    """Print every row, the first breach marked, then the verdict."""
    console = console or Console()
    table = Table(title="PyTorch against Paddle", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("", "output", "shape", "max abs", "max rel", "limit", "verdict"):
        table.add_column(column, justify="right" if column in ("max abs", "max rel", "limit") else "left", no_wrap=True)
    breach, precision = report.first_breach, None
    for row in report.rows:
        if precision not in (None, row.precision):
            table.add_section()
        table.add_row(
            "" if row.precision == precision else row.precision, row.name, "x".join(map(str, row.shape)),
            f"{row.max_abs:.1e}", f"{row.max_rel:.1e}", f"{row.limit:.1e}",
            "[green]equal" if row.passed else "[bold red]first breach" if row is breach else "[red]differs",
        )
        precision = row.precision
    console.print(table)
    console.print(verdict(report), style="bold green" if report.equal else "bold red", highlight=False)


def verdict(report: Report) -> str:
    """One sentence: equal, or what differs first."""
    if report.equal:
        worst = max((row.max_rel for row in report.rows if row.precision == "float64"), default=0.0)
        return f"equal: largest relative difference in float64 {worst:.1e}"
    row = report.first_breach
    where = f"; first layer that differs: {report.first_layer}" if report.first_layer else ""
    return f"differs at {row.name} ({row.precision}): {row.problem}, {row.max_rel:.1e} of its largest magnitude{where}"


def print_seconds(report: Report, console: Console | None = None) -> None:
    """Print how long each part took."""
    console = console or Console()
    console.print("seconds: " + ", ".join(f"{part} {s:.1f}" for part, s in report.seconds.items()), highlight=False)


def write_json(report: Report, path) -> None:
    """Write verdict, rows and seconds as JSON. An infinite difference is written as null, which JSON has."""
    finite = {float("inf"): None}
    rows = [{key: finite.get(value, value) if isinstance(value, float) else value
             for key, value in (asdict(row) | {"passed": row.passed}).items()} for row in report.rows]
    content = {"equal": report.equal, "verdict": verdict(report), "first_layer": report.first_layer, "rows": rows,
               "seconds": report.seconds}
    with atomic_file(path) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())


def write_junit(report: Report, path) -> None:
    """Write one JUnit test case a row, so that a CI system shows which output differs."""
    failures = sum(not row.passed for row in report.rows)
    suite = ElementTree.Element("testsuite", name="paddle-tsm parity", tests=str(len(report.rows)), failures=str(failures))
    for row in report.rows:
        case = ElementTree.SubElement(suite, "testcase", classname=f"parity.{row.precision}", name=row.name)
        if not row.passed:
            text = f"{row.problem}: {row.max_rel:.3e} relative, limit {row.limit:.3e}"
            ElementTree.SubElement(case, "failure", message=text).text = verdict(report)
    with atomic_file(path) as file:
        file.write(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True) + b"\n")
