"""Training in both frameworks on the same batches from the same weights, compared after each step and at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare
from paddle_tsm.parity.layer_groups import compare_tensors, summarise
from paddle_tsm.parity.seeded_input import noise_clip, seeded_labels
from paddle_tsm.parity.tolerance import step_limit


@dataclass
class Steps:
    """`rows`: loss, gradient norm, logits (each the worst step), weights, buffers, optimizer state (the worst tensor).
    losses: side's name -> each step's loss. differences: quantity -> each step's relative difference."""

    rows: list[ComparisonRow] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    differences: dict[str, list[float]] = field(default_factory=dict)


def seeded_batches(network, count: int, clips: int, size: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """`count` batches of noise, float64 [clips * T, 3, size, size] that float32 holds exactly, and classes [clips]."""

    return [
        (noise_clip(network.num_segments, size, clips, seed + i), seeded_labels(clips, network.num_classes, seed + i))
        for i in range(count)
    ]


def compare_steps(reference, other, batches, lr: float, see=lambda step, sides: None) -> Steps:
    """Train two fresh float64 sides with `tsm_sgd` on the batches and compare them.

    see: called after each step with its number, from 1, and both sides.
    """
    limit, sides = step_limit(len(batches)), (reference, other)
    for side in sides:
        side.start_training(lr)
    rows: dict[str, list[ComparisonRow]] = {"loss": [], "gradient norm": [], "logits": []}
    losses: dict[str, list[float]] = {side.name: [] for side in sides}
    for number, (x, target) in enumerate(batches, 1):
        a, b = (side.train_step(x, target) for side in sides)
        for side, result in zip(sides, (a, b)):
            losses[side.name].append(result.loss)
        for name, pair in (
            ("loss", (np.array(a.loss), np.array(b.loss))),
            ("gradient norm", (np.array(a.grad_norm), np.array(b.grad_norm))),
            ("logits", (a.logits, b.logits)),
        ):
            rows[name].append(compare(f"step {number}", *pair, limit))
        see(number, sides)
    many = f"{len(batches)} steps: " if len(batches) > 1 else "1 step: "
    result = Steps([summarise(many + name, members) for name, members in rows.items()], losses)
    result.differences = {name: [row.max_rel for row in members] for name, members in rows.items()}
    result.rows += [summarise(many + name, members) for name, members in compare_states(*sides, limit).items()]
    return result


def compare_states(reference, other, limit: float) -> dict[str, list[ComparisonRow]]:
    """Rows for every weight, buffer and array of the optimizer's state of two sides."""
    names = reference.name, other.name
    a, b = reference.tensors(), other.tensors()
    weights, _ = compare_tensors(
        *({n: v for n, v in side.items() if not is_buffer(n)} for side in (a, b)), limit, names
    )
    buffers = [compare(n, as_float(a[n]), as_float(b[n]), limit) for n in a if is_buffer(n)]
    state, _ = compare_tensors(reference.optimizer_state(), other.optimizer_state(), limit, names)
    return {"weights": weights, "buffers": buffers, "optimizer state": state}


def is_buffer(name: str) -> bool:
    """Whether a canonical tensor is a BatchNorm's statistic or step counter."""
    return ".running_" in name or name.endswith("num_batches_tracked")


def as_float(array: np.ndarray) -> np.ndarray:
    """A step counter as float64, in which it is compared."""
    return array.astype("float64") if array.dtype.kind in "iu" else array
