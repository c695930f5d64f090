"""Every parameter's gradient in both frameworks, on one batch in training mode, with dropout off."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare
from paddle_tsm.parity.named_tensors import compare_tensors
from paddle_tsm.parity.network_stages import tensors_by_stage
from paddle_tsm.parity.side import Side
from paddle_tsm.parity.summary_row import summarise
from paddle_tsm.parity.tolerance import TOLERANCES


@dataclass
class GradientComparison:
    """The gradients of one batch, compared.

    rows: the loss, then one row for each stage. errors: parameter -> relative difference in float64, in forward order.
    errors32: the same in float32, for the plot, without a verdict. vanishing: the parameters whose gradient is 0 in
    exact arithmetic. first: the first parameter in backward order whose gradient differs, or None. problem: how it
    differs.
    """

    rows: list[ComparisonRow] = field(default_factory=list)
    errors: dict[str, float] = field(default_factory=dict)
    errors32: dict[str, float] = field(default_factory=dict)
    vanishing: list[str] = field(default_factory=list)
    first: str | None = None
    problem: str = ""


def compare_gradients(reference: Side, other: Side, x: np.ndarray, target: np.ndarray) -> GradientComparison:
    """Compare the loss and every gradient of two new sides on x [N*T, 3, H, W] and classes [N].

    x has the sides' precision; the limit is that for float64. Changes the sides' BatchNorm statistics.
    """
    limit = TOLERANCES["gradients"].limit
    for side in (reference, other):
        side.start_training(lr=0.0)
    loss_a, gradients_a = reference.gradients(x, target)
    loss_b, gradients_b = other.gradients(x, target)
    rows, vanishing = compare_tensors(gradients_a, gradients_b, limit, (reference.name, other.name))
    by_name = {row.name: row for row in rows}
    order = [name for name in reference.network.shapes() if name in by_name]
    assert len(order) == len(rows), "a gradient belongs to a tensor that the network does not list"
    loss_row = compare("mean of the batch", np.array(loss_a), np.array(loss_b), limit)
    result = GradientComparison([summarise("training loss", [loss_row])], vanishing=vanishing)
    for stage, names in tensors_by_stage(reference.network).items():
        members = [by_name[name] for name in reversed(names) if name in by_name]
        if members:
            result.rows.append(summarise(f"gradients of {stage}", members))
    result.errors = {name: by_name[name].max_rel for name in order}
    result.first = next((name for name in reversed(order) if not by_name[name].passed), None)
    result.problem = by_name[result.first].problem if result.first else ""
    return result
