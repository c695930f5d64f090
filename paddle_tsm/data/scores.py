"""The scores of a video from the logits of its views."""

from __future__ import annotations

import numpy as np

AVERAGES = ("probabilities", "logits")


def average_views(logits: np.ndarray, average: str) -> np.ndarray:
    """The average of the logits [V, K] of V views over the views: [K].

    average: "probabilities" is softmax, then the mean (mmaction2's `average_clips="prob"`); "logits" is the mean (MIT's
    `test_models.py`, PaddleVideo's `CenterCropMetric`). The two can rank classes differently. Raises ValueError for
    another average.
    """
    if average not in AVERAGES:
        raise ValueError(f"average: got {average!r}, wanted one of {', '.join(AVERAGES)}")
    if average == "probabilities":
        exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
        logits = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return logits.mean(axis=0)
