"""Training in both frameworks on the same batches from the same weights, compared after each step and at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import ComparisonRow, compare
from paddle_tsm.parity.named_tensors import compare_tensors
from paddle_tsm.parity.rounding import Judge, keep
from paddle_tsm.parity.seeded_input import noise_clip, seeded_labels
from paddle_tsm.parity.side import Side
from paddle_tsm.parity.summary_row import summarise
from paddle_tsm.parity.tolerance import step_limit
from paddle_tsm.parity.training_setup import compare_rates, compare_setup

Batches = list[tuple[Any, Any]]  # (inputs, what the loss takes beside the outputs), one for each step


@dataclass
class StepComparison:
    """Training steps, compared.

    rows: loss, gradient norm and logits, each of the worst step; then weights, buffers and optimizer state after the
    last step, each of the worst tensor. losses: framework -> each step's loss. differences: quantity -> each step's
    relative difference. rounded_gradients: see `Side.rounded_gradients`.
    """

    rows: list[ComparisonRow] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    differences: dict[str, list[float]] = field(default_factory=dict)
    rounded_gradients: list[str] = field(default_factory=list)


def seeded_batches(network: Network, count: int, clips: int, size: int, seed: int = 0) -> Batches:
    """`count` batches of noise, float64 [clips * T, 3, size, size] that float32 holds exactly, and classes [clips]."""
    return [
        (
            noise_clip(network.num_segments, size, clips, seed + i, network.in_channels),
            seeded_labels(clips, network.num_classes, seed + i),
        )
        for i in range(count)
    ]


def compare_steps(
    reference: Side,
    other: Side,
    batches: Batches,
    lr: float,
    see: Callable[[int, tuple[Side, Side]], None] = lambda number, sides: None,
    judge: Judge = keep,
) -> StepComparison:
    """Train two new float64 sides with `tsm_sgd` on the batches, one step for each, and compare them.

    see: called after each step with its number, which starts from 1, and both sides. judge: looks again at rows that
    failed. Raises ValueError where `step_limit` states no limit for so many steps.
    """
    limit, sides, outcome = step_limit(len(batches)), (reference, other), reference.outcome
    for side in sides:
        side.start_training(lr)
    rows: dict[str, list[ComparisonRow]] = {"loss": [], "gradient norm": [], outcome: []}
    losses: dict[str, list[float]] = {side.name: [] for side in sides}
    rates: list[ComparisonRow] = []
    for number, (x, target) in enumerate(batches, 1):
        a, b = (side.train_step(x, target) for side in sides)
        for side, result in zip(sides, (a, b)):
            losses[side.name].append(result.loss)
        for name, pair in (
            ("loss", (np.array(a.loss), np.array(b.loss))),
            ("gradient norm", (np.array(a.grad_norm), np.array(b.grad_norm))),
            (outcome, (a.logits, b.logits)),
        ):
            rows[name].append(compare(f"step {number}", *pair, limit))
        rates += compare_rates(f"step {number}", *sides)
        see(number, sides)
    prefix = f"{len(batches)} steps: " if len(batches) > 1 else "1 step: "
    differences = {name: [row.max_rel for row in members] for name, members in rows.items()}
    for side in sides:
        side.forget_gradients()
    states = compare_states(*sides, limit)
    rows = compare_setup(*sides) | ({"learning rate": rates} if rates else {}) | rows | states
    judged = {name: judge(f"steps: {name}", members) for name, members in rows.items()}
    summaries: list[ComparisonRow] = [summarise(prefix + name, members) for name, members in judged.items()]
    return StepComparison(summaries, losses, differences, reference.rounded_gradients())


def compare_states(reference: Side, other: Side, limit: float) -> dict[str, list[ComparisonRow]]:
    """A row for every weight, every buffer and every array of the optimizer's state of two sides; no entry for none."""
    names = reference.name, other.name
    found = compare_weights(reference, other, limit)  # these copies are freed before those of the optimizer are made
    found["optimizer state"] = compare_tensors(reference.optimizer_state(), other.optimizer_state(), limit, names)[0]
    return {name: rows for name, rows in found.items() if rows}


def compare_weights(reference: Side, other: Side, limit: float) -> dict[str, list[ComparisonRow]]:
    """A row for every weight and every buffer."""
    names = reference.name, other.name
    buffers, weights = split_tensors(reference, reference.is_buffer)
    other_buffers, other_weights = split_tensors(other, reference.is_buffer)
    return {
        "weights": compare_tensors(weights, other_weights, limit, names)[0],
        "buffers": compare_tensors(buffers, other_buffers, limit, names)[0],
    }


def split_tensors(side: Side, is_buffer: Callable[[str], bool]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(A side's buffers, its weights). is_buffer: the reference's, because Paddle counts some buffers as parameters."""
    found: tuple[dict[str, np.ndarray], dict[str, np.ndarray]] = ({}, {})
    for name, array in side.tensors().items():
        if is_buffer(name):
            found[0][name] = as_float(array)
        else:
            found[1][name] = array
    return found


def as_float(array: np.ndarray) -> np.ndarray:
    """The array, whose integers (a step counter) become float64, so that they can be compared."""
    return array.astype("float64") if array.dtype.kind in "iu" else array
