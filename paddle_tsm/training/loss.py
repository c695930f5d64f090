"""Cross entropy with label smoothing, for class indices and for soft targets."""

import paddle
from paddle.nn import functional as F


def cross_entropy(logits, target, label_smoothing: float = 0.0):
    """Mean over the clips of -sum(q * log softmax(logits)); q = (1 - s) * target + s / K, s = `label_smoothing`.

    logits: [N, K]. target: classes, int [N], or probabilities, float [N, K]. Returns a scalar.
    torch.nn.functional.cross_entropy. log softmax is x - logsumexp(x): Paddle's own is cut off at -64, and its
    label smoothing goes through float32. Raises ValueError for a target of another shape or a class outside [0, K).
    """
    check_target(logits, target, label_smoothing)
    log_probability = logits - paddle.logsumexp(logits, axis=1, keepdim=True)  # [N, K]
    if target.ndim == 1:
        loss = -paddle.take_along_axis(log_probability, target.astype("int64").unsqueeze(1), axis=1).mean()
    else:
        loss = -(target * log_probability).sum(1).mean()
    if label_smoothing:
        loss = loss * (1 - label_smoothing) - log_probability.mean() * label_smoothing
    return loss


def binary_cross_entropy(logits, target):
    """Mean over clips and classes of -(t log s + (1 - t) log(1 - s)), s = sigmoid(logits): for clips with several
    labels.

    logits, target: [N, K], the target 1 for each of a clip's classes. Returns a scalar.
    torch.nn.functional.binary_cross_entropy_with_logits; mmaction2 models/losses/bce_loss.py 4d6c934. Raises ValueError
    for a target of another shape.
    """
    if list(target.shape) != list(logits.shape):
        raise ValueError(f"target: got shape {list(target.shape)}, wanted {list(logits.shape)}, 1 for a clip's classes")
    log_one, log_zero = F.log_sigmoid(logits), F.log_sigmoid(-logits)
    return -(target * log_one + (1 - target) * log_zero).mean()


def check_target(logits, target, label_smoothing: float) -> None:
    """Raise ValueError unless `target` fits `logits` [N, K]."""
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing: got {label_smoothing!r}, wanted a number in [0, 1]")
    n, k = logits.shape
    if list(target.shape) not in ([n], [n, k]):
        raise ValueError(f"target: got shape {list(target.shape)}, wanted [{n}] classes or [{n}, {k}] probabilities")
    if target.ndim == 1 and n and not (0 <= int(target.min()) and int(target.max()) < k):
        raise ValueError(f"target: got classes from {int(target.min())} to {int(target.max())}, wanted 0 to {k - 1}")
