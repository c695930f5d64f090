"""Two trainings compared by their curves: the first update or validation at which they part beyond rounding.

`curve_limits` says what rounding explains, `curve_reading` what the place of the parting says of its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from paddle_tsm.parity.curves.curve_file import Curve, relative_difference
from paddle_tsm.parity.curves.curve_limits import limits_of, magnification, noise_of
from paddle_tsm.parity.tolerance import CURVES

# options of a recipe that change no number of a training
NO_NUMBERS = ("lr_batch", "framework")


@dataclass(frozen=True)
class Parting:
    """Where two curves part. row: of the file, from 0. a, b: the values there. difference: relative. limit: what
    rounding explains at this row. before: the largest difference of an earlier row.
    """

    table: str
    column: str
    row: int
    a: float
    b: float
    difference: float
    limit: float
    before: float

    @property
    def is_leap(self) -> bool:
        """Whether the difference comes at once; else it has grown, from update to update, beyond any stated limit."""
        large = self.before < CURVES["kinks"].limit or self.difference > CURVES["another input"].limit
        return large and self.difference > CURVES["leap"].limit * self.before


@dataclass(frozen=True)
class CurveComparison:
    """dtype: of both trainings. rows: of train.csv that were compared. differences, limits: column -> float64 [rows].
    parting: of train.csv, or else of validation.csv; None where they do not part. notes: what the reader must know.
    """

    a: Curve
    b: Curve
    dtype: str
    rows: int
    differences: dict[str, np.ndarray]
    limits: dict[str, np.ndarray]
    noise: dict[str, np.ndarray]
    parting: Parting | None
    notes: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether both are equally long, and no update or validation that both have parts."""
        return self.parting is None and self.longer is None

    @property
    def longer(self) -> str | None:
        """What one of them has more of, "updates" or else "validations"; None where they are equally long."""
        tables = {"updates": (self.a.train, self.b.train), "validations": (self.a.validation, self.b.validation)}
        for name, (a, b) in tables.items():
            if a and b and rows_of(a) != rows_of(b):
                return name
        return None

    def place(self, row: int) -> str:
        """How a row of train.csv is called: "update 12", with its epoch where the file says it."""
        if not self.a.places:
            return f"update {row + 1}"
        epoch, step = self.a.places[row]
        return f"update {row + 1} (epoch {epoch}, update {step})"

    @property
    def growth(self) -> float | None:
        """The factor by which the losses' difference grows from one update to the next, fitted over all updates that
        have a difference; None where fewer than 10 have.
        """
        found = self.differences["loss"]
        (rows,) = np.nonzero((found > 0) & np.isfinite(found))
        if len(rows) < 10:
            return None
        return float(np.exp(np.polyfit(rows, np.log(found[rows]), 1)[0]))


def compare_curves(a: Curve, b: Curve, noise: list[Curve] | None = None, dtype: str | None = None) -> CurveComparison:
    """Compare two trainings update by update, then their validations.

    noise: trainings of A's program and settings from nudged weights (`train --nudge`). dtype: "float32" or "float64";
    None: what the curves say. Raises ValueError for rows that are not of the same updates.
    """
    dtype = dtype or ("float32" if "float32" in (a.dtype, b.dtype) else "float64")
    rows = min(rows_of(a.train), rows_of(b.train))
    check_places(a, b, rows)
    notes = recipe_differences(a, b) + length_differences(a, b)
    columns = [name for name in a.train if name in b.train]
    differences = {name: relative_difference(a.train[name][:rows], b.train[name][:rows]) for name in columns}
    own = {name: noise_of(a, noise or [], name, rows, dtype) for name in columns}
    magnified = magnification(a, rows)
    measured = {name: values for name, values in own.items() if values is not None}
    limits = {name: limits_of(differences[name], dtype, magnified, measured.get(name)) for name in columns}
    if dtype == "float32" and "grad_norm" in limits:
        limits["grad_norm"] = np.full(rows, np.inf)  # without a verdict, see `noise.Float32Gap.judged`
    limits |= {"lr": np.full(rows, CURVES["lr"].limit)} if "lr" in limits else {}
    parting = first_parting("train", a.train, b.train, differences, limits)
    if parting is None:
        parting = part_in_validation(a, b, dtype, limits["loss"])
    if dtype == "float32" and not measured:
        notes.append(
            "float32 without --noise: only a leap is judged, not how far rounding has grown; "
            "`paddle-tsm train --nudge 1` makes a run to measure it with"
        )
    return CurveComparison(a, b, dtype, rows, differences, limits, measured, parting, notes)


def rows_of(table: dict[str, np.ndarray]) -> int:
    """The number of rows of a table's columns, 0 where it has none."""
    return min(map(len, table.values()), default=0)


def length_differences(a: Curve, b: Curve) -> list[str]:
    """A line for the updates and one for the validations, where one training has more of them."""
    lines = []
    for name, own, other in (("update", a.train, b.train), ("validation", a.validation, b.validation)):
        ours, theirs = rows_of(own), rows_of(other)
        if bool(ours) != bool(theirs):
            lines.append(f"only {'A' if ours else 'B'} has validations, and they are not compared")
        elif ours != theirs:
            counts = [f"{count} {name}{'s' * (count != 1)}" for count in (ours, theirs)]
            lines.append(
                f"A has {counts[0]}, B {counts[1]}: what both have is compared, and the trainings are not equal"
            )
    return lines


def check_places(a: Curve, b: Curve, rows: int) -> None:
    """Raise ValueError where a row of A is not of the same update as that row of B."""
    for row, (own, other) in enumerate(zip(a.places[:rows], b.places[:rows])):
        if own != other:
            raise ValueError(
                f"{b.path}: row {row + 1} is not of the same update as in {a.path}: epoch {own[0]}, step "
                f"{own[1]} against epoch {other[0]}, step {other[1]}"
            )


def recipe_differences(a: Curve, b: Curve) -> list[str]:
    """A line for the options in which the recipes of both trainings differ; none where one of them has no recipe."""
    if not (a.recipe and b.recipe):
        return []
    names = [name for name in {**a.recipe, **b.recipe} if name not in NO_NUMBERS]
    lines = [
        f"{name} is {a.recipe.get(name)!r} in A, {b.recipe.get(name)!r} in B"
        for name in names
        if a.recipe.get(name) != b.recipe.get(name)
    ]
    return [f"the recipes differ: {'; '.join(lines)}"] if lines else []


def first_parting(table: str, a: dict, b: dict, differences: dict, limits: dict) -> Parting | None:
    """The first row at which any column parts; of several columns in one row, the one that is computed first."""
    found = []
    for order, (name, difference) in enumerate(differences.items()):
        (rows,) = np.nonzero(~(difference <= limits[name]))
        if len(rows):
            found.append((int(rows[0]), order, name))
    if not found:
        return None
    row, _, name = min(found)
    return Parting(
        table,
        name,
        row,
        float(a[name][row]),
        float(b[name][row]),
        float(differences[name][row]),
        float(limits[name][row]),
        float(differences[name][:row].max(initial=0.0)),
    )


def part_in_validation(a: Curve, b: Curve, dtype: str, train_limits: np.ndarray) -> Parting | None:
    """Where the validations part although no update does. Their loss is held to the last update's limit; a share of
    right clips must be the same in float64, where no two scores are within rounding of each other.
    """
    rows = min(rows_of(a.validation), rows_of(b.validation))
    columns = [name for name in a.validation if name in b.validation and (dtype == "float64" or name == "loss")]
    differences = {name: relative_difference(a.validation[name][:rows], b.validation[name][:rows]) for name in columns}
    least = CURVES[f"{dtype} least"].limit
    limit = np.full(rows, max(float(train_limits[-1]), CURVES["evaluation"].limit * least))
    return first_parting("validation", a.validation, b.validation, differences, dict.fromkeys(columns, limit))
