"""Differences that are nothing but rounding which the model itself magnifies, told from all others by measurement.

A value can be 0 in exact arithmetic (the mean of a normalised input, the gradient in front of it), or a model can be so
ill-conditioned that the last digit of an input decides many digits of an output. Then two correct models differ by more
than any fixed limit. What rounding alone does there is measured: PyTorch's model against itself, with every weight,
every input, what every function gives and every gradient moved by one unit in the last place. A difference passes where
it is no more than a stated factor of that, and small. A fault moves the values by far more: one that passes changes
them by no more than values do that are wrong by 1e-14 of themselves.

In float32 a kernel of Paddle can round worse than PyTorch's, because its norms and pools sum N values one by one: about
the square root of N units in the last place. So much passes, too, up to a bound that half precision breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.first_few import first_few
from paddle_tsm.parity.model_pair.structure import as_real, in_precision, map_leaves
from paddle_tsm.parity.side import Side
from paddle_tsm.parity.tolerance import LEAST_NOISE, TOLERANCES
from paddle_tsm.training.nudge import nudge

RUNS = 8  # nudged ones, at most
HOPELESS = 100.0  # times the limit: a difference this far beyond it is not looked at any longer
SMALLEST = 2.0**-53  # of the largest value: half a unit in the last place, which a nudge moves at least by
TOGETHER = 8  # rows of layers that are looked at in one pass, because a model's activations are large
NAMED = 3  # values that a remark names

Judge = Callable[[str, list[ComparisonRow]], list[ComparisonRow]]


def keep(part: str, rows: list[ComparisonRow]) -> list[ComparisonRow]:
    """The verdicts as they are."""
    return rows


def nudged_inputs(inputs: Any, seed: int, dtype: str) -> Any:
    """The inputs with every floating-point number moved by one unit in the last place; what is infinite stays."""
    rng = np.random.default_rng([seed, 1])

    def moved(array: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(array), nudge(array, rng, dtype), array) if array.dtype.kind == "f" else array

    return map_leaves(moved, in_precision(inputs, dtype))


@dataclass
class Rounding:
    """Judges rows that failed again, against the rounding of the reference.

    reference: a function from a precision and a seed, or None for the weights as they are, to a new side.
    batches: the inputs of each training step. lr: the rate of the steps. excused: takes, for each row that passed on
    the second look, a part of a sentence; too_rough those whose rounding is too large for any verdict.
    """

    reference: Callable[[str, int | None], Side]
    batches: list[Any]
    lr: float = 0.0
    excused: list[str] = field(default_factory=list)
    too_rough: list[str] = field(default_factory=list)
    refused: bool = False

    def judge(self, part: str, rows: list[ComparisonRow]) -> list[ComparisonRow]:
        """The rows; those that differ by no more than rounding pass. part: "outputs", "float32 outputs", "layers",
        "statistics", "gradients", "loss" or "steps: " and a kind of `step_values`.

        Where a difference is more than rounding, steps are not looked at: they only carry the difference on.
        """
        failed = [number for number, row in enumerate(rows) if fails_by_size(row)]
        if not failed or (self.refused and part.startswith("steps: ")):
            return rows
        rows = list(rows)
        while failed:
            taken = failed[:TOGETHER] if part == "layers" else failed
            failed = failed[len(taken) :]
            for number, row in zip(taken, self.second_look(part, [rows[number] for number in taken])):
                rows[number] = row
            if any(not rows[number].passed for number in taken):
                self.refused = True
                break
        return rows

    def second_look(self, part: str, rows: list[ComparisonRow]) -> list[ComparisonRow]:
        """The rows, which pass where rounding explains them."""
        if part.startswith("float32"):
            allowed, scale = self.allowed(part, rows, "float32")
            sums = LEAST_NOISE * self.longest_sum() ** 0.5 * scale
            allowed = {name: max(value, sums) for name, value in allowed.items()}
            most = TOLERANCES["float32 rounding, at most"].limit * scale
        else:
            allowed, scale = self.allowed(part, rows, "rounding")
            limits = TOLERANCES["rounding, at most"].limit, TOLERANCES["float64"].limit
            # Where every gradient of a model is 0 in exact arithmetic, only its outputs tell what is large.
            most = max(limits[0] * scale, limits[1] * largest(self.values("outputs", None)))
        return [self.verdict(part, row, allowed[row.name], most) for row in rows]

    def longest_sum(self) -> int:
        """How many values of one sample a layer takes in, at most."""
        sizes = [1]
        self.reference("float32", None).watch_layers(
            in_precision(self.batches[0], "float32"),
            lambda name, array: sizes.append(array.size // max(len(array) if array.ndim else 1, 1)),
        )
        return max(sizes)

    def allowed(self, part: str, rows: list[ComparisonRow], tolerance: str) -> tuple[dict[str, float], float]:
        """Name -> the difference that rounding explains, for the names of the rows; and the largest value of the part.

        Runs are added until they explain every row, or cannot.
        """
        factor, values = TOLERANCES[tolerance].limit, self.values(part, None)
        first = {row.name: values[row.name] for row in rows if row.name in values}
        noise = dict.fromkeys((row.name for row in rows), 0.0)
        for seed in range(1, RUNS + 1):
            other = self.values(part, seed)
            for name, array in first.items():
                if name in other and other[name].shape == array.shape:
                    noise[name] = max(noise[name], float(np.abs(array - other[name]).max(initial=0.0)))
            if all(row.max_abs <= factor * noise[row.name] for row in rows):
                break
            if any(row.max_abs > HOPELESS * factor * max(noise[row.name], SMALLEST * largest(values)) for row in rows):
                break
        return {name: factor * value for name, value in noise.items()}, largest(values)

    def verdict(self, part: str, row: ComparisonRow, allowed: float, most: float) -> ComparisonRow:
        """The row, which passes where its difference is neither more than rounding allows nor than `most`."""
        name = f"{part.removeprefix('steps: ')}, {row.name}" if part.startswith("steps: ") else row.name
        if row.max_abs > min(allowed, most):
            if row.max_abs <= allowed:
                self.too_rough.append(f"{name} (differs by {row.max_abs:.1e}, rounding allows {allowed:.1e})")
            return row
        self.excused.append(f"{name} (differs by {row.max_abs:.1e}, rounding allows {allowed:.1e})")
        return replace(row, problem="")

    def values(self, part: str, seed: int | None) -> dict[str, np.ndarray]:
        """Name -> value of one run of a new side. seed: of the nudge; None for the model and the inputs as they are."""
        dtype = "float32" if part.startswith("float32") else "float64"
        batches = [
            in_precision(x, dtype) if seed is None else nudged_inputs(x, seed + 100 * number, dtype)
            for number, x in enumerate(self.batches)
        ]
        side = self.reference(dtype, seed)
        if part.startswith("steps: "):
            return step_values(side, batches, self.lr)[part]
        if part in ("gradients", "loss"):
            side.start_training(lr=0.0)
            loss, gradients = side.gradients(batches[0], None)
            return gradients if part == "gradients" else {"mean of the batch": np.array(loss)}
        found: dict[str, np.ndarray] = {}
        if part == "statistics":
            found = side.statistics(batches[0])
        elif part == "layers":
            side.watch_layers(batches[0], lambda name, array: found.update({name: array}))
        else:
            found = side.outputs(batches[0])
        return {name: np.asarray(as_real(array), "float64") for name, array in found.items()}

    def remarks(self) -> list[str]:
        """What was held to rounding, and what rounding leaves without a verdict: a sentence each."""
        factor = TOLERANCES["rounding"].limit
        sentences = []
        if self.excused:
            sentences.append(
                f"Rounding alone explains {first_few(self.excused, NAMED, '; ')}: where all it computes is moved by "
                f"one unit in the last place, PyTorch's model is that far from itself, within a factor of {factor:g} "
                f"(float32: {TOLERANCES['float32'].limit:g})."
            )
        if self.too_rough:
            sentences.append(
                f"Rounding is too large for a verdict in {first_few(self.too_rough, NAMED, '; ')}: the model magnifies "
                "it. Fewer steps, a smaller learning rate or other inputs show more."
            )
        return sentences


def fails_by_size(row: ComparisonRow) -> bool:
    """Whether a row fails because its values are too far apart, not for their shape, their dtype or a NaN."""
    return not row.passed and row.problem.startswith("beyond the limit") and bool(np.isfinite(row.max_abs))


def step_values(side: Side, batches: list[Any], lr: float) -> dict[str, dict[str, np.ndarray]]:
    """Kind -> name -> value of a training: "steps: loss", "steps: gradient norm" and that of the outputs for each step,
    "steps: weights", "steps: buffers" and "steps: optimizer state" at the end.
    """
    side.start_training(lr)
    found: dict[str, dict[str, np.ndarray]] = {}
    for number, x in enumerate(batches, 1):
        result = side.train_step(x, None)
        for name, value in (("loss", result.loss), ("gradient norm", result.grad_norm), (side.outcome, result.logits)):
            found.setdefault(f"steps: {name}", {})[f"step {number}"] = np.asarray(value, "float64")
    tensors = side.tensors()
    found["steps: weights"] = {name: array for name, array in tensors.items() if not side.is_buffer(name)}
    found["steps: buffers"] = {
        name: np.asarray(array, "float64") for name, array in tensors.items() if side.is_buffer(name)
    }
    return found | {"steps: optimizer state": side.optimizer_state()}


def largest(values: Mapping[str, np.ndarray]) -> float:
    """The largest magnitude of any value."""
    return max((float(np.abs(array).max(initial=0.0)) for array in values.values()), default=0.0)
