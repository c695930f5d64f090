"""Every parameter's gradient in both frameworks, on one batch in training mode, with dropout off."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare
from paddle_tsm.parity.layer_groups import compare_tensors, stages_of, summarise
from paddle_tsm.parity.tolerance import TOLERANCES


@dataclass
class Gradients:
    """`rows`: the loss, then one for each stage. `errors`: parameter -> relative difference in float64, in forward
    order; `errors32`: the same in float32, for the plot, without a verdict. `vanishing`: gradients that are 0 in exact
    arithmetic. `first`: the first parameter in backward order whose gradient differs, `problem`: how.
    """

    rows: list[ComparisonRow] = field(default_factory=list)
    errors: dict[str, float] = field(default_factory=dict)
    errors32: dict[str, float] = field(default_factory=dict)
    vanishing: list[str] = field(default_factory=list)
    first: str | None = None
    problem: str = ""


def compare_gradients(reference, other, x: np.ndarray, target: np.ndarray) -> Gradients:
    """Compare the loss and every gradient of two fresh sides on x [N*T, 3, H, W] (float64) and classes [N].

    Changes the sides' BatchNorm statistics.
    """
    limit = TOLERANCES["gradients"].limit
    losses, gradients = [], []
    for side in (reference, other):
        side.start_training(lr=0.0)
        loss, arrays = side.gradients(x, target)
        losses.append(np.array(loss))
        gradients.append(arrays)
    rows, vanishing = compare_tensors(*gradients, limit, (reference.name, other.name))
    by_name = {row.name: row for row in rows}
    order = [name for name in reference.network.shapes() if name in by_name]
    assert len(order) == len(rows), "a gradient of a tensor that the network does not list"
    result = Gradients(
        [summarise("training loss", [compare("mean of the batch", *losses, limit)])], vanishing=vanishing
    )
    for stage, names in stages_of(reference.network).items():
        members = [by_name[name] for name in reversed(names) if name in by_name]
        if members:
            result.rows.append(summarise(f"gradients of {stage}", members))
    result.errors = {name: by_name[name].max_rel for name in order}
    result.first = next((name for name in reversed(order) if not by_name[name].passed), None)
    result.problem = by_name[result.first].problem if result.first else ""
    return result


def gradient_errors(reference, other, x: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Only the relative differences, in whatever precision the two fresh sides have."""
    return compare_gradients(reference, other, x, target).errors
