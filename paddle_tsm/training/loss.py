"""The losses of a training: cross entropy for clips with one class, binary cross entropy for clips with several."""

import paddle
from paddle.nn import functional as F


def cross_entropy(logits: paddle.Tensor, target: paddle.Tensor, label_smoothing: float = 0.0) -> paddle.Tensor:
    """The mean over the clips of -sum(q * log softmax(logits)), as torch.nn.functional.cross_entropy.

    q = (1 - s) * target + s / K with s = `label_smoothing`. logits: [N, K]. target: the classes, int [N], or
    probabilities, float [N, K]. Returns a scalar. Raises ValueError for a target of another shape and for a class
    outside [0, K).

    log softmax is written as x - logsumexp(x), because Paddle's own is cut off at -64, and its label smoothing computes
    in float32.
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


def binary_cross_entropy(logits: paddle.Tensor, target: paddle.Tensor) -> paddle.Tensor:
    """The mean over clips and classes of -(t log s + (1 - t) log(1 - s)) with s = sigmoid(logits).

    It is torch.nn.functional.binary_cross_entropy_with_logits, and the loss of mmaction2 models/losses/bce_loss.py
    4d6c934. logits, target: [N, K]; the target t is 1 for each class of a clip, else 0. Returns a scalar. Raises
    ValueError for a target of another shape.
    """
    if list(target.shape) != list(logits.shape):
        raise ValueError(f"target: got shape {list(target.shape)}, wanted {list(logits.shape)}, 1 for a clip's classes")
    log_one, log_zero = F.log_sigmoid(logits), F.log_sigmoid(-logits)
    return -(target * log_one + (1 - target) * log_zero).mean()


def check_target(logits, target, label_smoothing: float) -> None:
    """Raise ValueError unless `target` fits `logits` [N, K] and `label_smoothing` is in [0, 1]."""
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing: got {label_smoothing!r}, wanted a number in [0, 1]")
    n, k = logits.shape
    if list(target.shape) not in ([n], [n, k]):
        raise ValueError(f"target: got shape {list(target.shape)}, wanted [{n}] classes or [{n}, {k}] probabilities")
    if target.ndim == 1 and n and not (0 <= int(target.min()) and int(target.max()) < k):
        raise ValueError(f"target: got classes from {int(target.min())} to {int(target.max())}, wanted 0 to {k - 1}")
