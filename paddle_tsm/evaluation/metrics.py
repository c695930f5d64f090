"""Measures of scores [M, K], of M clips and K classes, against labels. All are fractions from 0 to 1.

Labels are int [M], or the tuples of `Scored.labels`. The classes of a clip are ranked by their scores. Of equal scores
the lower class comes first, as `argmax` picks it, so the prediction, the top k and the confusion matrix always agree.
(Upstream's `top_k_accuracy`, mmaction2 evaluation/functional/accuracy.py, leaves equal scores to NumPy's unstable
sort.) Measures of labels raise ValueError where scores and labels do not fit each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

Labels: TypeAlias = Sequence[int] | Sequence[tuple[int, ...]] | np.ndarray


def classes_of(labels: Labels) -> np.ndarray:
    """The labels as int64 [M]. Raises ValueError for a clip whose tuple does not have exactly one label."""
    single = []
    for label in labels:
        several = np.atleast_1d(label)
        if several.shape != (1,):
            raise ValueError(
                f"labels: got {several.tolist()} for a clip, wanted one (of several: mean_average_precision)"
            )
        single.append(int(several[0]))
    return np.array(single, "int64")


def checked(scores: ArrayLike) -> np.ndarray:
    """The scores as an array [M, K], M, K > 0. Raises ValueError for another shape and for NaN, which has no rank."""
    scores = np.asarray(scores)
    if scores.ndim != 2 or 0 in scores.shape:
        raise ValueError(f"scores: got shape {list(scores.shape)}, wanted [clips, classes], both at least 1")
    if np.isnan(scores).any():
        raise ValueError("scores: got NaN, wanted numbers")
    return scores


def checked_pair(scores: ArrayLike, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
    """(scores [M, K], labels int64 [M]). Raises ValueError where they do not fit each other."""
    scores, classes = checked(scores), classes_of(labels)
    if len(scores) != len(classes):
        raise ValueError(f"labels: got {len(classes)} for {len(scores)} clips, wanted one a clip")
    if classes.min() < 0 or classes.max() >= scores.shape[1]:
        worst = classes.min() if classes.min() < 0 else classes.max()
        raise ValueError(f"label {worst}, wanted 0 to {scores.shape[1] - 1} for {scores.shape[1]} classes")
    return scores, classes


def ranks(scores: ArrayLike, labels: Labels) -> np.ndarray:
    """The rank of the true class of each clip, int64 [M]. The best rank is 1."""
    scores, classes = checked_pair(scores, labels)
    true = scores[np.arange(len(scores)), classes][:, None]
    lower = np.arange(scores.shape[1]) < classes[:, None]
    return 1 + ((scores > true) | ((scores == true) & lower)).sum(1)


def top_k_accuracy(scores: ArrayLike, labels: Labels, k: int) -> float:
    """The share of clips whose true class has a rank of at most k. It is 1 where there are at most k classes."""
    if k < 1:
        raise ValueError(f"k: got {k}, wanted at least 1")
    return float((ranks(scores, labels) <= k).mean())


def confusion_matrix(scores: ArrayLike, labels: Labels, num_classes: int) -> np.ndarray:
    """The number of clips of each true class (row) that were predicted as each class (column): int64 [K, K]."""
    scores, classes = checked_pair(scores, labels)
    if scores.shape[1] != num_classes:
        raise ValueError(f"scores: got {scores.shape[1]} classes, wanted {num_classes}")
    counts = np.bincount(classes * num_classes + scores.argmax(1), minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def class_accuracies(scores: ArrayLike, labels: Labels) -> np.ndarray:
    """The share of the clips of each class that were predicted as this class: float64 [K], NaN for a class without
    clips.
    """
    matrix = confusion_matrix(scores, labels, np.shape(scores)[1])
    counts = matrix.sum(1)
    return np.divide(matrix.diagonal(), counts, out=np.full(len(counts), np.nan), where=counts > 0)


def mean_class_accuracy(scores: ArrayLike, labels: Labels) -> float:
    """The mean of `class_accuracies` over the classes that have clips.

    mmaction2's `mean_class_accuracy` also counts a class without clips, as 0, where a clip was predicted as it. On a
    list that has clips of every class the two are the same.
    """
    return float(np.nanmean(class_accuracies(scores, labels)))


def average_precision(scores: ArrayLike, positive: ArrayLike) -> float:
    """The average precision of one class over M clips; NaN where no clip is positive.

    scores: [M]. positive: bool [M], whether a clip has the class. Let s run over the distinct scores, from the highest.
    Precision and recall at s are those of predicting the class for all clips with a score of at least s. The result is
    the sum of precision(s) times the increase of recall at s. Clips of equal score enter together, so their order has
    no influence; mmaction2 and scikit-learn do the same.
    """
    scores, positive = np.asarray(scores), np.asarray(positive, bool)
    if not positive.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # the last clip of each score
    hits = np.cumsum(positive[order])[last]
    precision, recall = hits / (last + 1), hits / hits[-1]
    return float((precision * np.diff(recall, prepend=0)).sum())


def average_precisions(scores: ArrayLike, labels: Labels) -> np.ndarray:
    """The `average_precision` of each class, float64 [K]; NaN for a class without clips. labels: a tuple per clip."""
    scores = checked(scores)
    clips, classes = scores.shape
    if len(labels) != clips:
        raise ValueError(f"labels: got {len(labels)} for {clips} clips, wanted a tuple a clip")
    positive = np.zeros((clips, classes), bool)
    for row, label in enumerate(labels):
        several = np.atleast_1d(label)
        if several.min() < 0 or several.max() >= classes:
            raise ValueError(f"labels: got {several.tolist()}, wanted 0 to {classes - 1} for {classes} classes")
        positive[row, several] = True
    return np.array([average_precision(scores[:, k], positive[:, k]) for k in range(classes)])


def mean_average_precision(scores: ArrayLike, labels: Labels) -> float:
    """The mean of `average_precisions` over the classes that have clips. labels: a tuple for each clip."""
    return float(np.nanmean(average_precisions(scores, labels)))
