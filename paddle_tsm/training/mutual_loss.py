"""What two networks that learn from each other add to their losses: how far their probabilities are apart."""

import paddle

EPS = 1e-12  # keeps the logarithm of a probability that is 0 finite


def mutual_divergence(logits: paddle.Tensor, others: paddle.Tensor) -> paddle.Tensor:
    """The mean over the clips of (KL(q|p) + KL(p|q)) / 2, with p = softmax(logits) and q = softmax(others).

    KL(q|p) = sum_k q_k log((q_k + EPS) / (p_k + EPS)). Both networks get a gradient, and there is no temperature.
    logits, others: [N, K]. Returns a scalar. Raises ValueError for another shape.

    The loss of deep mutual learning (arXiv:1706.00384) as PaddleVideo has it, where the mean over clips and classes is
    multiplied by the number of classes (paddlevideo/modeling/losses/distillation_loss.py ed245e9,
    `DistillationDMLLoss`). The softmax is written out, because Paddle's own is cut off at -64.
    """
    if logits.ndim != 2 or list(logits.shape) != list(others.shape):
        raise ValueError(
            f"logits: got {list(logits.shape)} and {list(others.shape)}, wanted [N, K] of the same clips and classes"
        )
    p, q = (paddle.exp(x - paddle.logsumexp(x, axis=1, keepdim=True)) for x in (logits, others))
    apart = q * paddle.log((q + EPS) / (p + EPS)) + p * paddle.log((p + EPS) / (q + EPS))  # [N, K]
    return apart.sum(1).mean() / 2
