"""Whether two sides train the same: the same parameters, modes, dropout and learning rates."""

from __future__ import annotations

from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.model_pair.dropout_masks import different_draw
from paddle_tsm.parity.side import Side
from paddle_tsm.parity.tolerance import CURVES


def compare_setup(reference: Side, other: Side) -> dict[str, list[ComparisonRow]]:
    """Name -> rows that do not pass, for what two sides in training mode do differently; empty where they do not.

    With masks of dropout there is also a row that passes.
    """
    found = {
        "trained parameters": only_one_side(
            reference, other, reference.trained(), other.trained(), "trains it", "frozen"
        ),
        "layers in evaluation mode": only_one_side(
            reference, other, reference.evaluated(), other.evaluated(), "has it in evaluation mode", "in training mode"
        ),
    }
    draws = reference.dropout_draws(), other.dropout_draws()
    if any(draws):
        found["dropout masks"] = [verdict_row("first difference", different_draw(*draws, (reference.name, other.name)))]
    return {name: rows for name, rows in found.items() if rows}


def only_one_side(
    reference: Side, other: Side, a: set[str], b: set[str], has: str, opposite: str
) -> list[ComparisonRow]:
    """A row that does not pass for each name that only one of two sets has."""
    rows = []
    for name in sorted(a ^ b):
        first, second = (reference, other) if name in a else (other, reference)
        rows.append(verdict_row(name, f"{first.name} {has}, in {second.name} it is {opposite}"))
    return rows


def compare_rates(step: str, reference: Side, other: Side) -> list[ComparisonRow]:
    """A row for the learning rates of a step, of the parameter at which they differ first; none without rates."""
    a, b = reference.learning_rates(), other.learning_rates()
    limit, rows = CURVES["lr"].limit, []
    for name in [*a, *(name for name in b if name not in a)]:
        if name not in a or name not in b:
            first, second = (reference, other) if name in a else (other, reference)
            rows.append(verdict_row(step, f"{name}: {first.name}'s optimizer steps it, {second.name}'s does not"))
            continue
        difference = abs(a[name] - b[name])
        relative = difference / abs(a[name]) if a[name] else difference
        said = f"{name} has {a[name]:.12g} in {reference.name} and {b[name]:.12g} in {other.name}"
        rows.append(ComparisonRow(step, "float64", (), difference, relative, limit, "" if relative <= limit else said))
    return first_problem_or_last(rows)


def first_problem_or_last(rows: list[ComparisonRow]) -> list[ComparisonRow]:
    """The first row that does not pass or, where all pass, the last one; nothing of nothing."""
    return [next((row for row in rows if not row.passed), rows[-1])] if rows else []


def verdict_row(name: str, problem: str) -> ComparisonRow:
    """A row that has no figures: it passes where there is no problem."""
    difference = float("inf") if problem else 0.0
    return ComparisonRow(name, "float64", (), difference, difference, 0.0, problem)
