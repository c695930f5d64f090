"""PyTorch's own losses, behind a check of the target, whose errors say what is wrong with it; and the loss by which two
networks learn from each other.
"""

import torch
from torch.nn import functional as F


def cross_entropy(logits: torch.Tensor, target: torch.Tensor, label_smoothing: float = 0.0) -> torch.Tensor:
    """torch.nn.functional.cross_entropy: the mean over the clips of -sum_k q_k log softmax(logits)_k.

    q = (1 - s) p + s / K is the target p smoothed by s = `label_smoothing` (arXiv:1512.00567, section 7).
    logits: [N, K]. target: int [N], the classes, or float [N, K], p itself. Returns a scalar.
    Raises ValueError for a target of another shape, a class outside [0, K) or an s outside [0, 1].
    """
    clips, classes = logits.shape
    if label_smoothing < 0 or label_smoothing > 1:
        raise ValueError(f"label_smoothing is {label_smoothing!r}, wanted 0 to 1")
    if target.shape == logits.shape:
        return F.cross_entropy(logits, target, label_smoothing=label_smoothing)
    if target.shape != (clips,):
        raise ValueError(
            f"the target is {[*target.shape]}, wanted {[clips]} (classes) or {[clips, classes]} (probabilities)"
        )
    if ((target < 0) | (target >= classes)).any():
        raise ValueError(f"the target's classes are {target.tolist()}, wanted none below 0 or above {classes - 1}")
    return F.cross_entropy(logits, target.long(), label_smoothing=label_smoothing)


def binary_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """torch.nn.functional.binary_cross_entropy_with_logits: the mean over all clips and classes.

    It is for clips with several labels. logits: [N, K]. target: float [N, K], 1 for each class of the clip and 0 for
    every other class. Returns a scalar.
    Raises ValueError for a target of another shape.
    """
    if target.shape != logits.shape:
        raise ValueError(f"the target is {[*target.shape]}, wanted {[*logits.shape]}, 1 for each of a clip's classes")
    return F.binary_cross_entropy_with_logits(logits, target)


def mutual_divergence(logits: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """The symmetric Kullback-Leibler divergence of two networks' predictions, the mean over the clips.

    With the probabilities p and q of the two it is the mean of 1/2 sum_k (p_k - q_k) (log(p_k + eps) - log(q_k + eps)),
    eps = 1e-12: both directions of arXiv:1706.00384, eq. 3, in one sum, as PaddleVideo's `DistillationDMLLoss`
    (ed245e9) averages them. Neither side is detached. logits, others: [N, K]. Returns a scalar.
    Raises ValueError for logits of different shapes.
    """
    if logits.shape != others.shape or logits.dim() != 2:
        raise ValueError(f"the logits are {[*logits.shape]} and {[*others.shape]}, wanted [N, K] of both networks")
    p, q = logits.softmax(1), others.softmax(1)
    difference = (p + 1e-12).log() - (q + 1e-12).log()
    return ((p - q) * difference).sum(1).mean() / 2
