"""One training step on arrays: the gradient of one or several batches, then one update."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import paddle
from paddle import nn

from paddle_tsm.models.numpy_input import as_tensor
from paddle_tsm.optim import SGD, AdamW


@dataclass(frozen=True)
class StepResult:
    """What a step gave: loss, the mean over all clips; grad_norm, the norm of all gradients together before it was
    clipped; logits [N, K], before the step.
    """

    loss: float
    grad_norm: float
    logits: np.ndarray


def train_step(
    model: nn.Layer,
    optimizer: SGD | AdamW,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    loss_fn: Callable[[paddle.Tensor, paddle.Tensor], paddle.Tensor],
) -> StepResult:
    """Add up the gradients of every batch, then clip and step once.

    batches: pairs (x, target) of NumPy arrays: x [N*T, 3, H, W], which is cast to the weights' dtype; target: the
    classes, int [N], or probabilities [N, K]. loss_fn(logits, target) gives the mean over a batch. Each batch's loss is
    weighted by its share of the clips, so that several batches give the gradient of their union; but a BatchNorm in
    training mode normalises each batch by itself. Raises ValueError where there is no batch.
    """
    pairs = list(batches)
    if not pairs:
        raise ValueError("train_step: got no batches, wanted at least one")
    optimizer.clear_grad()
    loss, logits = add_gradients(model, pairs, loss_fn, sum(len(target) for _, target in pairs))
    optimizer.step()
    return StepResult(loss, optimizer.grad_norm, logits)


def add_gradients(
    model: nn.Layer,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    loss_fn: Callable[[paddle.Tensor, paddle.Tensor], paddle.Tensor],
    clips: int,
) -> tuple[float, np.ndarray]:
    """Add the gradients of the batches to those that the parameters have. Arguments as for `train_step`.

    clips: the number of clips of the whole update, by which the sum of their losses is divided; it may be larger than
    the number in these batches. Returns (these batches' part of the mean loss, their logits [N, K]).
    """
    dtype = next(iter(model.parameters())).dtype
    losses, logits = [], []
    for x, target in batches:
        output = model(as_tensor(x, dtype))
        loss = loss_fn(output, as_tensor(target, dtype)) * (len(target) / clips)
        loss.backward()
        losses.append(float(loss.detach()))
        logits.append(output.detach().numpy())
    return sum(losses), np.concatenate(logits)
