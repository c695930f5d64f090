"""The scores of several networks combined into one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from paddle_tsm.evaluation.score import Scored


def check_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    """The weights of `count` networks; None for equal weights. Raises ValueError unless there is a positive, finite
    weight for each.
    """
    weights = [1.0] * count if weights is None else list(weights)
    if len(weights) != count:
        plural = "s" if count > 1 else ""
        raise ValueError(f"ensemble weights: got {len(weights)} for {count} checkpoint{plural}, wanted one each")
    for weight in weights:
        if not (math.isfinite(weight) and weight > 0):
            raise ValueError(f"ensemble weights: got {weight:g}, wanted positive numbers")
    return weights


def combine(networks: Sequence[Scored], weights: Sequence[float] | None = None) -> Scored:
    """The weighted mean of the networks' scores: sum(weight * scores) / sum(weights).

    The mean of probabilities is a probability. Logits may differ in scale from network to network, and are better
    turned into probabilities first. Raises ValueError where the scores are not of the same clips and classes, and for
    weights that `check_weights` refuses.
    """
    if not networks:
        raise ValueError("ensemble: got no scores, wanted those of one network or more")
    weights, first = check_weights(weights, len(networks)), networks[0]
    for other in networks[1:]:
        if not np.array_equal(other.indices, first.indices) or other.labels != first.labels:
            raise ValueError("ensemble: the scores are of different clips, wanted the same list for all")
        if other.scores.shape != first.scores.shape:
            raise ValueError(
                f"ensemble: got {first.scores.shape[1]} and {other.scores.shape[1]} classes, wanted the same for all"
            )
    scores = np.asarray(sum(weight * network.scores for weight, network in zip(weights, networks)) / sum(weights))
    return Scored(first.indices, scores, first.labels)
