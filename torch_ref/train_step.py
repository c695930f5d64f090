"""One training step: the gradient of all clips together, then one update."""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class StepResult:
    """loss: the mean over the clips. grad_norm: of all gradients, before the clip. logits: [N, num_classes]."""

    loss: float
    grad_norm: float
    logits: np.ndarray


def train_step(model, optimizer, batches, loss_fn) -> StepResult:
    """The loss is sum_b (n_b / n) loss_fn(model(x_b), target_b), n_b the clips of batch b and n those of all batches.

    So several batches that fit into memory give the gradient of their union, except that a BatchNorm in training mode
    normalises each batch by itself. batches: pairs of arrays, x [N*T, 3, H, W], cast to the weights' dtype, and target,
    classes int [N] or probabilities [N, K]. loss_fn: (logits, target) -> the mean over the clips.
    Raises ValueError where `batches` is empty.
    """
    dtype = next(model.parameters()).dtype
    pairs = [(as_tensor(x, dtype), as_tensor(target, dtype)) for x, target in batches]
    if not pairs:
        raise ValueError("train_step got no batches, wanted one or more")
    clips = sum(len(target) for _, target in pairs)
    optimizer.zero_grad()
    total, logits = 0.0, []
    for x, target in pairs:
        logits.append(model(x))
        share = loss_fn(logits[-1], target) * (len(target) / clips)
        share.backward()
        total += share.item()
        logits[-1] = logits[-1].detach()
    optimizer.step()
    return StepResult(total, optimizer.grad_norm, torch.cat(logits).numpy())


def as_tensor(array: np.ndarray, dtype):
    """The array as a tensor: classes as they are, everything else as `dtype`."""
    whole_numbers = np.issubdtype(array.dtype, np.integer)
    array = np.asarray(array, order="C")  # a flipped view has negative strides, which PyTorch does not take
    return torch.tensor(array, dtype=None if whole_numbers else dtype)
