"""Every parameter's gradient in both frameworks, on one batch in training mode, with dropout off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare
from paddle_tsm.parity.named_tensors import compare_tensors
from paddle_tsm.parity.rounding import Judge, keep
from paddle_tsm.parity.side import Side
from paddle_tsm.parity.summary_row import summarise
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.parity.training_setup import compare_setup

TRAINING_OUTPUTS = "training outputs"  # the name of the row


@dataclass
class GradientComparison:
    """The gradients of one batch, compared.

    rows: the loss, then one row for each group of tensors. errors: parameter -> relative difference in float64, in
    forward order. errors32: the same in float32, for the plot, without a verdict. vanishing: the parameters whose
    gradient is 0 in exact arithmetic. first: the first parameter in backward order whose gradient differs, or None.
    problem: how it differs.
    """

    rows: list[ComparisonRow] = field(default_factory=list)
    errors: dict[str, float] = field(default_factory=dict)
    errors32: dict[str, float] = field(default_factory=dict)
    vanishing: list[str] = field(default_factory=list)
    first: str | None = None
    problem: str = ""


def compare_gradients(
    reference: Side, other: Side, inputs: Any, target: Any, judge: Judge = keep
) -> GradientComparison:
    """Compare the loss and every gradient of two new sides on the inputs and what their loss takes beside the outputs.

    The inputs have the sides' precision; the limit is that for float64. judge: looks again at rows that failed. Changes
    the sides' BatchNorm statistics.
    """
    limit = TOLERANCES["gradients"].limit
    for side in (reference, other):
        side.start_training(lr=0.0)
    loss_a, gradients_a = reference.gradients(inputs, target)
    loss_b, gradients_b = other.gradients(inputs, target)
    outputs = compare_outputs(reference, other, limit)
    rows, vanishing = compare_tensors(gradients_a, gradients_b, limit, (reference.name, other.name))
    by_name = {row.name: row for row in judge("gradients", rows)}
    groups = reference.tensor_groups()
    listed = {name for names in groups.values() for name in names}
    inputs = [name for name in by_name if name not in listed]  # the gradients of the inputs themselves
    groups = {"the inputs": inputs} | groups if inputs else groups
    order = [name for names in groups.values() for name in names if name in by_name]
    loss_rows = judge("loss", [compare("mean of the batch", np.array(loss_a), np.array(loss_b), limit)])
    setup = [summarise(name, members) for name, members in compare_setup(reference, other).items()]
    result = GradientComparison([*setup, *outputs, summarise("training loss", loss_rows)], vanishing=vanishing)
    for group, names in groups.items():
        members = [by_name[name] for name in reversed(names) if name in by_name]
        if members:
            result.rows.append(summarise(f"gradients of {group}", members))
    result.errors = {name: by_name[name].max_rel for name in order}
    result.first = next((name for name in reversed(order) if not by_name[name].passed), None)
    result.problem = by_name[result.first].problem if result.first else ""
    return result


def compare_outputs(reference: Side, other: Side, limit: float) -> list[ComparisonRow]:
    """One row for all outputs in training mode; none where the sides keep none."""
    a, b = reference.training_outputs(), other.training_outputs()
    rows, _ = compare_tensors(a, b, limit, (reference.name, other.name))
    return [summarise(TRAINING_OUTPUTS, rows)] if rows else []
