"""Measures against cases worked out by hand and against plain loops that follow the definitions."""

import math

import numpy as np
import pytest

from paddle_tsm.evaluation import metrics
from paddle_tsm.evaluation.ensemble import combine
from paddle_tsm.evaluation.score import Scored

# Clip 0 is predicted as class 1. In clip 2 class 1 has the same score as class 0, which is ranked first; so also in
# clip 3.
SCORES = np.array([[0.1, 0.6, 0.3], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.4, 0.4, 0.2]])
LABELS = [2, 0, 1, 1]


def test_by_hand():
    assert metrics.ranks(SCORES, LABELS).tolist() == [2, 1, 3, 2]
    assert [metrics.top_k_accuracy(SCORES, LABELS, k) for k in (1, 2, 3, 5)] == [1 / 4, 3 / 4, 1, 1]
    assert metrics.confusion_matrix(SCORES, LABELS, 3).tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]
    assert metrics.class_accuracies(SCORES, LABELS).tolist() == [1, 0, 0]
    assert metrics.mean_class_accuracy(SCORES, LABELS) == pytest.approx(1 / 3, abs=1e-15)


def test_tuples_of_one_label_are_labels():
    assert metrics.top_k_accuracy(SCORES, [(label,) for label in LABELS], 2) == 3 / 4


def test_a_class_without_a_clip_is_left_out():
    """Classes 0 (both right) and 2 (wrong): their mean is a half, not a third."""
    scores, labels = np.array([[9.0, 0, 0], [8, 0, 0], [0, 7, 0]]), [0, 0, 2]
    assert metrics.mean_class_accuracy(scores, labels) == 0.5
    accuracies = metrics.class_accuracies(scores, labels)
    assert math.isnan(accuracies[1]) and accuracies[0] == 1 and accuracies[2] == 0


def test_equal_scores_are_no_luck():
    """A network that gives every class the same score is right once in K times, not always."""
    scores, labels = np.zeros((6, 6)), range(6)
    assert [metrics.top_k_accuracy(scores, labels, k) for k in (1, 2, 6)] == [1 / 6, 2 / 6, 1]
    assert metrics.confusion_matrix(scores, labels, 6)[:, 0].tolist() == [1] * 6


@pytest.mark.parametrize(
    "scores, positive, wanted",
    [
        ([0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 0, 1], (1 + 2 / 3 + 3 / 5) / 3),
        ([0.5, 0.6, 0.9], [1, 1, 0], (1 / 2 + 2 / 3) / 2),
        ([0.9, 0.9, 0.5], [0, 1, 1], 1 / 2 * 1 / 2 + 2 / 3 * 1 / 2),  # the two at 0.9 come together
        ([0.9, 0.9, 0.5], [1, 0, 1], 1 / 2 * 1 / 2 + 2 / 3 * 1 / 2),
        ([1, 1, 1, 1], [0, 0, 0, 1], 1 / 4),
        ([3, 2, 1], [1, 1, 1], 1),
    ],
)
def test_average_precision_by_hand(scores, positive, wanted):
    assert metrics.average_precision(scores, positive) == pytest.approx(wanted, abs=1e-15)


def test_mean_average_precision_by_hand():
    """Class 0: clips 0 and 2 at ranks 1 and 3; class 1: clip 1 at rank 2; class 2 has no clip."""
    scores = np.array([[0.9, 0.8, 0.1], [0.8, 0.6, 0.7], [0.7, 0.1, 0.9]])
    labels = [(0,), (1,), (0,)]
    assert metrics.mean_average_precision(scores, labels) == pytest.approx(((1 + 2 / 3) / 2 + 1 / 2) / 2, abs=1e-15)
    assert math.isnan(metrics.average_precisions(scores, labels)[2])


def slow_top_k(scores, labels, k):
    hits = 0
    for row, label in zip(scores.tolist(), labels):
        order = sorted(range(len(row)), key=lambda c: (-row[c], c))
        hits += label in order[:k]
    return hits / len(labels)


def slow_matrix(scores, labels):
    matrix = [[0] * scores.shape[1] for _ in range(scores.shape[1])]
    for row, label in zip(scores.tolist(), labels):
        matrix[label][row.index(max(row))] += 1
    return matrix


def slow_mean_class(scores, labels):
    shares = []
    for c in sorted(set(labels)):
        mine = [row for row, label in zip(scores.tolist(), labels) if label == c]
        shares.append(sum(row.index(max(row)) == c for row in mine) / len(mine))
    return sum(shares) / len(shares)


def slow_average_precision(scores, positive):
    """Precision and recall of "all clips with at least this score", at each score."""
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = [yes for score, yes in zip(scores, positive) if score >= threshold]
        precision, recall = sum(taken) / len(taken), sum(taken) / sum(positive)
        total, recall_before = total + precision * (recall - recall_before), recall
    return total


@pytest.mark.parametrize("levels", [3, 1000], ids=["many ties", "few ties"])
@pytest.mark.parametrize("clips, classes", [(1, 1), (7, 3), (60, 11), (40, 60)])
def test_against_plain_loops(clips, classes, levels):
    rng = np.random.default_rng([clips, classes, levels])
    for _ in range(10):
        scores = rng.integers(levels, size=(clips, classes)) / levels
        labels = rng.integers(classes, size=clips).tolist()
        for k in {1, 2, 5, classes}:
            assert metrics.top_k_accuracy(scores, labels, k) == pytest.approx(slow_top_k(scores, labels, k), abs=1e-15)
        assert metrics.confusion_matrix(scores, labels, classes).tolist() == slow_matrix(scores, labels)
        assert metrics.mean_class_accuracy(scores, labels) == pytest.approx(slow_mean_class(scores, labels), abs=1e-14)
        several = [tuple(np.flatnonzero(row)) or (0,) for row in rng.random((clips, classes)) < 0.3]
        wanted = [
            slow_average_precision(scores[:, c].tolist(), [c in labels for labels in several])
            for c in range(classes)
            if any(c in labels for labels in several)
        ]
        assert metrics.mean_average_precision(scores, several) == pytest.approx(np.mean(wanted), abs=1e-13)


def test_the_measures_agree_with_each_other():
    rng = np.random.default_rng(5)
    scores, labels = rng.integers(4, size=(200, 9)).astype(float), rng.integers(9, size=200)
    matrix = metrics.confusion_matrix(scores, labels, 9)
    assert matrix.trace() / 200 == metrics.top_k_accuracy(scores, labels, 1)
    order = rng.permutation(200)
    assert metrics.mean_class_accuracy(scores[order], labels[order]) == metrics.mean_class_accuracy(scores, labels)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: metrics.top_k_accuracy(SCORES, LABELS, 0), "k: got 0"),
        (lambda: metrics.top_k_accuracy(SCORES, [0, 1, 2, 3], 1), "label 3, wanted 0 to 2"),
        (lambda: metrics.top_k_accuracy(SCORES, [0, 1, -1, 2], 1), "label -1"),
        (lambda: metrics.top_k_accuracy(SCORES, [0, 1], 1), "got 2 for 4 clips"),
        (lambda: metrics.top_k_accuracy(SCORES, [(0,), (1, 2), (0,), (0,)], 1), r"got \[1, 2\] for a clip"),
        (lambda: metrics.mean_class_accuracy(SCORES[:0], []), "got shape"),
        (lambda: metrics.confusion_matrix(SCORES, LABELS, 4), "got 3 classes, wanted 4"),
        (lambda: metrics.top_k_accuracy(SCORES * np.nan, LABELS, 1), "NaN"),
        (lambda: metrics.mean_average_precision(SCORES, [(0,), (5,), (0,), (0,)]), "wanted 0 to 2"),
        (lambda: metrics.mean_average_precision(SCORES, [(0,)]), "got 1 for 4 clips"),
    ],
)
def test_what_cannot_be_measured(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def scored(scores, indices=(0, 1), labels=((0,), (1,))):
    return Scored(np.array(indices), np.array(scores, float), list(labels))


def test_ensemble_by_hand():
    a, b = scored([[1, 0], [0.5, 0.5]]), scored([[0, 1], [0.25, 0.75]])
    assert combine([a, b]).scores.tolist() == [[0.5, 0.5], [0.375, 0.625]]
    assert combine([a, b], [3, 1]).scores.tolist() == [[0.75, 0.25], [0.4375, 0.5625]]
    assert combine([a, b], [0.75, 0.25]).scores.tolist() == combine([a, b], [3, 1]).scores.tolist()
    assert combine([a]).scores.tolist() == a.scores.tolist()
    assert combine([a, b]).labels == a.labels and combine([a, b]).indices.tolist() == [0, 1]


@pytest.mark.parametrize(
    "other, weights, words",
    [
        (scored([[1, 0], [1, 0]]), [1], "got 1 for 2 checkpoints"),
        (scored([[1, 0], [1, 0]]), [1, 2, 3], "got 3 for 2 checkpoints"),
        (scored([[1, 0], [1, 0]]), [1, 0], "got 0, wanted positive"),
        (scored([[1, 0], [1, 0]]), [1, -2], "got -2"),
        (scored([[1, 0], [1, 0]]), [1, float("nan")], "got nan"),
        (scored([[1, 0], [1, 0]], indices=(0, 2)), None, "different clips"),
        (scored([[1, 0], [1, 0]], labels=((0,), (0,))), None, "different clips"),
        (scored([[1, 0]], (0,), ((0,),)), None, "different clips"),
        (scored([[1, 0, 0], [1, 0, 0]]), None, "2 and 3 classes"),
    ],
)
def test_what_cannot_be_combined(other, weights, words):
    with pytest.raises(ValueError, match=words):
        combine([scored([[1, 0], [0, 1]]), other], weights)
