"""The scores of several networks as one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from paddle_tsm.evaluation.score import Scored


def check_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    """One positive weight a network, equal ones where there are none. Raises ValueError otherwise."""
    weights = [1.0] * count if weights is None else list(weights)
    if len(weights) != count:
        plural = "s" if count > 1 else ""
        raise ValueError(f"ensemble weights: got {len(weights)} for {count} checkpoint{plural}, wanted one each")
    for weight in weights:
        if not (math.isfinite(weight) and weight > 0):
            raise ValueError(f"ensemble weights: got {weight:g}, wanted positive numbers")
    return weights


def combine(parts: Sequence[Scored], weights: Sequence[float] | None = None) -> Scored:
    """The weighted mean of the networks' scores: sum of weight * scores over the sum of the weights.

    Raises ValueError where the parts are not of the same clips and classes, or a weight is missing, left over or not
    positive. Probabilities stay probabilities; logits of networks of different scale are better averaged as those.
    """
    if not parts:
        raise ValueError("ensemble: got no scores, wanted those of one network or more")
    weights, first = check_weights(weights, len(parts)), parts[0]
    for part in parts[1:]:
        if not np.array_equal(part.indices, first.indices) or part.labels != first.labels:
            raise ValueError("ensemble: the scores are of different clips, wanted the same list for all")
        if part.scores.shape != first.scores.shape:
            raise ValueError(
                f"ensemble: got {first.scores.shape[1]} and {part.scores.shape[1]} classes, wanted the same for all"
            )
    scores = sum(weight * part.scores for weight, part in zip(weights, parts)) / sum(weights)
    return Scored(first.indices, scores, first.labels)
