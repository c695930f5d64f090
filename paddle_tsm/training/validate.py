"""The validation of a training: every clip of the list is scored once, shared out over the processes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import numpy as np

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.evaluation.metrics import mean_average_precision, mean_class_accuracy, top_k_accuracy
from paddle_tsm.evaluation.score import merged, score_clips
from paddle_tsm.lists.bad_clips import SkippedClips
from paddle_tsm.processes.processes import Processes
from paddle_tsm.training.session import Session


def validate(
    session: Session,
    reader: ClipReader,
    processes: Processes,
    batch: int,
    workers: int,
    skipped: SkippedClips,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """Score the reader's clips with the moving average's weights, or the model's where the session has no average.

    Returns, in every process, {"top1", "top5", "mean_class_accuracy", "loss", "clips"}; where clips have several labels
    {"mean_average_precision", "loss", "clips"}. The loss is that of the training without mixup, CutMix and label
    smoothing, of what the validation averages over the views of a clip: see `loss_of_scores`, `loss_of_logits`. batch,
    workers, skipped, progress: see `score_clips`. Raises ValueError where no clip can be read.
    """
    processes.share_buffers(session.model)  # the teacher is not run
    share = processes.share(list(range(len(reader))))
    try:
        with session.average.in_place() if session.average else contextlib.nullcontext():
            run = session.framework.run_of(session.model)
            scored = score_clips(run, reader, share, batch=batch, workers=workers, skipped=skipped, progress=progress)
    finally:
        session.start_training()
    processes.meet()
    whole = merged(
        processes.gather(scored)
    )  # in the order of the list, so that its sums do not depend on the processes
    scores, labels = whole.scores, whole.labels
    if not len(labels):
        raise ValueError("validation: no clip could be read")
    if session.recipe.multi_label:
        assert whole.logits is not None
        return {
            "mean_average_precision": float(mean_average_precision(scores, labels)),
            "loss": loss_of_logits(whole.logits, labels),
            "clips": len(labels),
        }
    return {
        "top1": float(top_k_accuracy(scores, labels, 1)),
        "top5": float(top_k_accuracy(scores, labels, 5)),
        "mean_class_accuracy": float(mean_class_accuracy(scores, labels)),
        "loss": loss_of_scores(scores, labels, reader.preset.average),
        "clips": len(labels),
    }


def loss_of_scores(scores: np.ndarray, labels: Sequence[tuple[int, ...]], average: str) -> float:
    """The mean cross entropy of the videos' scores [N, K] and their first labels.

    average: what the scores are averages of, "logits" or probabilities.
    """
    log_probability = np.log(np.maximum(scores, np.finfo("float64").tiny, dtype="float64"))
    if average == "logits":
        top = scores.max(axis=1, keepdims=True)
        log_probability = scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
    return float(-np.mean([row[label[0]] for row, label in zip(log_probability, labels)]))


def loss_of_logits(logits: np.ndarray, labels: Sequence[tuple[int, ...]]) -> float:
    """The mean binary cross entropy, over clips and classes, of the videos' mean logits [N, K] and all their labels."""
    target = np.zeros_like(logits)
    for row, label in zip(target, labels):
        row[list(label)] = 1
    # -log sigmoid(x) = log(1 + exp(-x)), written so that no exponential is too large
    return float((np.maximum(logits, 0) - logits * target + np.log1p(np.exp(-np.abs(logits)))).mean())
