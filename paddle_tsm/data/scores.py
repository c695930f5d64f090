"""One score for a video from the logits of its views."""

from __future__ import annotations

import numpy as np

AVERAGES = ("probabilities", "logits")


def average_views(logits: np.ndarray, average: str) -> np.ndarray:
    """[V, K] logits -> [K]. "probabilities": softmax, then the mean (mmaction2's `average_clips="prob"`); "logits": the
    mean (MIT `test_models.py`, PaddleVideo `CenterCropMetric`). The two can rank classes differently."""
    if average not in AVERAGES:
        raise ValueError(f"average: got {average!r}, wanted one of {', '.join(AVERAGES)}")
    if average == "probabilities":
        exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
        logits = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return logits.mean(axis=0)
