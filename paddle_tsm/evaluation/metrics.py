"""Measures of scores [M, K] (a row a clip, a column a class) against labels. All as fractions of 1.

Labels are classes, int [M], or the tuples of `Scored.labels`. Classes rank by their score, of equal scores the lower
class first, as `argmax` picks it; so the prediction, the top k and the confusion matrix always agree. Upstream's
`top_k_accuracy` (mmaction2 evaluation/functional/accuracy.py) leaves equal scores to NumPy's unstable sort.
"""

from __future__ import annotations

import numpy as np


def classes_of(labels) -> np.ndarray:
    """Labels, or tuples of one label, as int64 [M]. Raises ValueError for a clip with another number of them."""
    single = []
    for label in labels:
        several = np.atleast_1d(label)
        if several.shape != (1,):
            raise ValueError(
                f"labels: got {several.tolist()} for a clip, wanted one (of several: mean_average_precision)"
            )
        single.append(int(several[0]))
    return np.array(single, "int64")


def checked(scores) -> np.ndarray:
    """The scores as an array [M, K], M > 0. Raises ValueError for another shape and for NaN, which has no rank."""
    scores = np.asarray(scores)
    if scores.ndim != 2 or 0 in scores.shape:
        raise ValueError(f"scores: got shape {list(scores.shape)}, wanted [clips, classes], both at least 1")
    if np.isnan(scores).any():
        raise ValueError("scores: got NaN, wanted numbers")
    return scores


def pair(scores, labels) -> tuple[np.ndarray, np.ndarray]:
    """Scores and classes that fit each other. Raises ValueError where they do not."""
    scores, classes = checked(scores), classes_of(labels)
    if len(scores) != len(classes):
        raise ValueError(f"labels: got {len(classes)} for {len(scores)} clips, wanted one a clip")
    if classes.min() < 0 or classes.max() >= scores.shape[1]:
        worst = classes.min() if classes.min() < 0 else classes.max()
        raise ValueError(f"label {worst}, wanted 0 to {scores.shape[1] - 1} for {scores.shape[1]} classes")
    return scores, classes


def ranks(scores, labels) -> np.ndarray:
    """The rank of each clip's true class, from 1: int64 [M]."""
    scores, classes = pair(scores, labels)
    true = scores[np.arange(len(scores)), classes][:, None]
    lower = np.arange(scores.shape[1]) < classes[:, None]
    return 1 + ((scores > true) | ((scores == true) & lower)).sum(1)


def top_k_accuracy(scores, labels, k: int) -> float:
    """The share of clips whose class is among the k first; 1 where there are no more than k classes."""
    if k < 1:
        raise ValueError(f"k: got {k}, wanted at least 1")
    return float((ranks(scores, labels) <= k).mean())


def confusion_matrix(scores, labels, num_classes: int) -> np.ndarray:
    """int64 [K, K]: how many clips of the class (row) were taken for the class (column)."""
    scores, classes = pair(scores, labels)
    if scores.shape[1] != num_classes:
        raise ValueError(f"scores: got {scores.shape[1]} classes, wanted {num_classes}")
    counts = np.bincount(classes * num_classes + scores.argmax(1), minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def class_accuracies(scores, labels) -> np.ndarray:
    """The share of each class's clips that were recognised, float64 [K]; NaN for a class without a clip."""
    matrix = confusion_matrix(scores, labels, np.shape(scores)[1])
    counts = matrix.sum(1)
    return np.divide(matrix.diagonal(), counts, out=np.full(len(counts), np.nan), where=counts > 0)


def mean_class_accuracy(scores, labels) -> float:
    """The mean of the classes' accuracies, each class counting the same. Classes without a clip are left out.

    mmaction2's `mean_class_accuracy` counts such a class as 0 where some clip was taken for it; on a list that has
    every class the two are the same.
    """
    return float(np.nanmean(class_accuracies(scores, labels)))


def average_precision(scores, positive) -> float:
    """Of one class, over M clips: the sum over the distinct scores s, from the highest, of precision times the gain in
    recall where the clips of scores from s on are taken. NaN without a positive clip. scores: [M]; positive: bool [M].

    Clips of equal score come together, so that their order plays no part (mmaction2 and scikit-learn do the same).
    """
    scores, positive = np.asarray(scores), np.asarray(positive, bool)
    if not positive.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # the last clip of each score
    hits = np.cumsum(positive[order])[last]
    precision, recall = hits / (last + 1), hits / hits[-1]
    return float((precision * np.diff(recall, prepend=0)).sum())


def average_precisions(scores, labels) -> np.ndarray:
    """Of each class, float64 [K]; NaN for a class without a clip. labels: a tuple of classes a clip."""
    scores = checked(scores)
    clips, classes = scores.shape
    if len(labels) != clips:
        raise ValueError(f"labels: got {len(labels)} for {clips} clips, wanted a tuple a clip")
    positive = np.zeros((clips, classes), bool)
    for row, several in enumerate(labels):
        if min(several) < 0 or max(several) >= classes:
            raise ValueError(f"labels: got {list(several)}, wanted 0 to {classes - 1} for {classes} classes")
        positive[row, list(several)] = True
    return np.array([average_precision(scores[:, k], positive[:, k]) for k in range(classes)])


def mean_average_precision(scores, labels) -> float:
    """For clips of several labels: the mean of the classes' average precisions; classes without a clip are left out."""
    return float(np.nanmean(average_precisions(scores, labels)))
