"""The probabilities of the classes, from the logits of a video's views."""

from __future__ import annotations

import numpy as np

from paddle_tsm.data.scores import average_views


def class_probabilities(logits: np.ndarray, average: str) -> np.ndarray:
    """Logits [V, K] of V views -> probabilities [K].

    average: what the system averages over the views, "probabilities" or "logits". The softmax of averaged logits comes
    last.
    """
    if average == "logits":
        logits = average_views(logits, "logits")[None]
    return average_views(logits, "probabilities")


def top_classes(probabilities: np.ndarray, names: list[str], count: int) -> list[dict]:
    """The `count` most probable classes, the most probable first.

    probabilities: [K]. names: of the K classes. Each result is {"class": number, "name": ..., "probability": ...}.
    """
    best = probabilities.argsort(kind="stable")[::-1][:count]
    return [{"class": int(i), "name": names[i], "probability": float(probabilities[i])} for i in best]
