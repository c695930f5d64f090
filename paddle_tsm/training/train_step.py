"""One update of the weights, from one batch or from several whose gradients are accumulated."""

from dataclasses import dataclass

import numpy as np

from paddle_tsm.models.numpy_input import as_tensor


@dataclass(frozen=True)
class StepResult:
    """`loss`: mean over all clips; `grad_norm`: of all gradients together, before the clip; `logits`: [N, K]."""

    loss: float
    grad_norm: float
    logits: np.ndarray


def train_step(model, optimizer, batches, loss_fn) -> StepResult:
    """Forward and backward over every batch, then clip and step once.

    batches: pairs (x, target) of NumPy arrays: x [N*T, 3, H, W], cast to the weights' dtype; target: classes, int [N],
    or probabilities [N, K]. Each batch's loss counts by its share of the clips, so that several batches give the
    gradient of their union (1 / k each where all are of one size); a BatchNorm in training still sees each by itself.
    loss_fn(logits, target) gives the mean over a batch. Raises ValueError without a batch.
    """
    batches = list(batches)
    if not batches:
        raise ValueError("train_step: got no batches, wanted at least one")
    optimizer.clear_grad()
    loss, logits = add_gradients(model, batches, loss_fn, sum(len(target) for _, target in batches))
    optimizer.step()
    return StepResult(loss, optimizer.grad_norm, logits)


def add_gradients(model, batches, loss_fn, clips: int) -> tuple[float, np.ndarray]:
    """Add each batch's gradient to the parameters', the loss divided by `clips`, those of the whole update, which may
    be more than these batches hold. Returns the batches' part of the loss, and their logits [N, K].
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
