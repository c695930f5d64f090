"""Compare the networks and layers that Paddle and PyTorch both have, number for number.

    python tools/compare_libraries.py --torchvision DIR

Networks of paddle.vision against torchvision's, layers of paddle.nn against torch.nn's: the same weights, outputs and
gradients in float64, and three steps of SGD with momentum. The program prints how each pair's layers were paired, how
far the two are apart, and what differs between the libraries. torchvision is no dependency of paddle-tsm: DIR is any
folder that it is installed in (pip install --no-deps --target DIR torchvision). Without it only the layers, and the
networks whose twin is written here, are compared.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from library_layers import layer_pairs
from library_networks import network_pairs
from library_pair import LibraryPair
from rich import box
from rich.console import Console
from rich.table import Table
from torchvision_folder import import_torchvision_models

from paddle_tsm.parity import compare_models
from paddle_tsm.parity.report.report import Report

VARIABLE = "TORCHVISION_FOLDER"
STEPS = 3
SHOWN = ("pair", "align", "outputs", "gradients", f"{STEPS} steps", "equal")
COLUMNS = ("pair", "tensors", "paired by", "align", "outputs", "gradients", f"{STEPS} steps", "equal", "what differs")


@dataclass
class Result:
    """A pair's comparison. error: why there is no report. seconds: how long it took."""

    pair: LibraryPair
    report: Report | None
    error: str
    seconds: float

    @property
    def equal(self) -> bool:
        """Whether the two are equal."""
        return self.report is not None and self.report.equal

    @property
    def as_expected(self) -> bool:
        """Whether the two are equal where they are known to be, and nowhere else."""
        return self.equal == self.pair.equal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="only pairs with this in their names")
    parser.add_argument(
        "--torchvision",
        default=os.environ.get(VARIABLE, ""),
        metavar="DIR",
        help=f"the folder that torchvision is installed in (the environment variable {VARIABLE})",
    )
    parser.add_argument("--markdown", default="", metavar="FILE", help="also write the table as Markdown there")
    args = parser.parse_args()
    console = Console()
    tv = None
    if args.torchvision:
        try:
            tv = import_torchvision_models(args.torchvision)
        except ValueError as error:
            parser.error(f"--torchvision: {error}")
    else:
        console.print(f"torchvision's networks are left out: neither --torchvision nor {VARIABLE} names its folder")
    pairs = [pair for pair in [*layer_pairs(), *network_pairs(tv)] if args.only in pair.name]
    if not pairs:
        parser.error(f"--only: got {args.only!r}, which is in no pair's name")
    results: list[Result] = []
    for result in compared(pairs, console):
        results.append(result)
        if args.markdown:  # after each, so that what is there stays where the program is stopped
            Path(args.markdown).write_text(markdown(results), "utf-8")
    console.print(table(results))
    wrong = [result.pair.name for result in results if not result.as_expected]
    console.print(f"{len(results) - len(wrong)} of {len(results)} pairs are as expected", *wrong)
    return 1 if wrong else 0


def compared(pairs: list[LibraryPair], console: Console) -> Iterator[Result]:
    """Each pair's result, with a line on the console as soon as it is there."""
    for pair in pairs:
        start = time.monotonic()
        report, error = None, ""
        try:
            report = compare_models(pair.torch, pair.paddle, pair.inputs, steps=STEPS, align=pair.align or None)
        except ValueError as refused:
            error = str(refused)
        result = Result(pair, report, error, time.monotonic() - start)
        console.print(f"{pair.name}: {first_words(result)} ({result.seconds:.1f} s)", highlight=False, soft_wrap=True)
        yield result


def first_words(result: Result) -> str:
    """Equal, or the first thing that differs."""
    if result.report is None:
        return result.error
    row = result.report.first_breach
    if row is None:
        return "equal"
    causes = "".join(f"; {cause}" for cause in result.report.causes)
    first = f"; first {result.report.first_layer}" if result.report.first_layer else ""
    return f"{row.name} ({row.precision}): {row.max_rel:.1e}{first}{causes}"


def cells(result: Result) -> list[str]:
    """A row of the table."""
    pair, report = result.pair, result.report
    differs = "; ".join(pair.differs)
    if report is None:
        return [pair.name, "", "not paired", "", "", "", "", "no", differs]
    assert report.alignment and report.gradients and report.steps
    how = Counter(layer.how for layer in report.alignment.layers)
    outputs = [row for row in report.rows if row.name.startswith("output") and row.precision == "float64"]
    groups = outputs, report.gradients.rows, report.steps.rows
    no = f"no, first {report.first_layer}" if report.first_layer else "no"
    return [
        pair.name,
        str(len(report.alignment.tensors)),
        ", ".join(f"{word} {count}" for word, count in how.items()),
        str(len(pair.align)),
        *(worst(rows) for rows in groups),
        "yes" if result.equal else no,
        differs,
    ]


def worst(rows: list[Any]) -> str:
    """The largest relative difference."""
    return f"{max(row.max_rel for row in rows):.0e}"


def table(results: list[Result]) -> Table:
    """The table for a terminal: the columns that fit."""
    shown = Table(box=box.SIMPLE)
    chosen = [number for number, column in enumerate(COLUMNS) if column in SHOWN]
    for number in chosen:
        shown.add_column(COLUMNS[number])
    for result in results:
        row = cells(result)
        shown.add_row(*(row[number] for number in chosen))
    return shown


def markdown(results: list[Result]) -> str:
    """The table, what the comparison says of each pair that differs, and the known differences of the frameworks that
    were taken into account.
    """
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS)]
    lines += [f"| {' | '.join(cells(result))} |" for result in results]
    lines += ["", "What the comparison itself says of those that differ:", ""]
    lines += [f"- {result.pair.name}: {first_words(result)}" for result in results if not result.equal]
    known = Counter(line.rpartition(" (")[0] for result in results if result.report for line in result.report.known)
    lines += ["", "Taken into account, in so many pairs:", ""]
    lines += [f"- {line} ({count})" for line, count in known.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
