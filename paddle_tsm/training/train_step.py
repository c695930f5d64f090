"""One training step on arrays: the gradient of one or several batches, of one network or of two, then one update."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import paddle
from paddle import nn

from paddle_tsm.models.numpy_input import as_tensor
from paddle_tsm.optim import SGD, AdamW
from paddle_tsm.training.mutual_loss import mutual_divergence


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


def add_mutual_gradients(
    student: nn.Layer,
    teacher: nn.Layer,
    batch: tuple[np.ndarray, np.ndarray],
    loss_fn: Callable[[paddle.Tensor, paddle.Tensor], paddle.Tensor],
    clips: int,
) -> tuple[float, np.ndarray]:
    """Add the gradients of one batch to those that the parameters of two networks have, which learn from each other.

    The loss is loss_fn of the student, loss_fn of the teacher, and `mutual_divergence` of their logits. Otherwise as
    `add_gradients`. Returns (the batch's part of the mean loss, the student's logits [N, K]).
    """
    dtype = next(iter(student.parameters())).dtype
    x, target = (as_tensor(array, dtype) for array in batch)
    logits, others = student(x), teacher(x)
    loss = loss_fn(logits, target) + loss_fn(others, target) + mutual_divergence(logits, others)
    share = loss * (len(target) / clips)
    share.backward()
    return float(share.detach()), logits.detach().numpy()
