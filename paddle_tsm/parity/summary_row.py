"""Many comparisons in one row of the parity table."""

from __future__ import annotations

from dataclasses import dataclass

from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.side import INPUT


@dataclass(frozen=True)
class SummaryRow(ComparisonRow):
    """One row for several comparisons. worst: the name of the one whose figures it has. count: how many there are."""

    worst: str = ""
    count: int = 1


@dataclass(frozen=True)
class LayersRow(ComparisonRow):
    """One row for all layers, beside the outputs. worst: the one whose figures it has. count: how many outputs of
    layers there are; one that is called twice has two.
    """

    worst: str = ""
    count: int = 1

    @property
    def label(self) -> str:
        """The row's name in a table."""
        return f"{self.count} layer{'s' if self.count > 1 else ''}, worst: {self.worst}"


def worst_of(rows: list[ComparisonRow]) -> ComparisonRow:
    """The first row that fails or, where all pass, the one with the largest relative difference."""
    return next((row for row in rows if not row.passed), max(rows, key=lambda row: row.max_rel))


def named_problem(row: ComparisonRow) -> str:
    """The problem of a row with the row's name in front of it; "" where it has none."""
    return f"{row.name}: {row.problem}" if row.problem else ""


def summarise(name: str, rows: list[ComparisonRow]) -> SummaryRow:
    """One row called `name` for several, with the figures of the worst one."""
    worst = worst_of(rows)
    return SummaryRow(
        name=name,
        precision=worst.precision,
        shape=worst.shape,
        max_abs=worst.max_abs,
        max_rel=worst.max_rel,
        limit=worst.limit,
        problem=named_problem(worst),
        worst=worst.name,
        count=len(rows),
    )


def layers_row(rows: list[ComparisonRow]) -> LayersRow:
    """One row called "layers" for what all layers took and gave in float64; its worst is the first that fails."""
    worst, count = worst_of(rows), sum(not row.name.partition("[")[0].endswith(INPUT) for row in rows)
    figures = ("float64", worst.shape, worst.max_abs, worst.max_rel, worst.limit)
    return LayersRow("layers", *figures, named_problem(worst), worst.name, count)
