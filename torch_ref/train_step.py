"""One training step: the gradient of all clips together, then one update."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from torch_ref.optim import TsmOptimizer


@dataclass(frozen=True)
class StepResult:
    """What one step gives.

    loss: the mean over all clips. grad_norm: the norm of all gradients before they are clipped. logits: those of every
    clip, [N, num_classes].
    """

    loss: float
    grad_norm: float
    logits: np.ndarray


def train_step(
    model: torch.nn.Module,
    optimizer: TsmOptimizer,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> StepResult:
    """Update `model` once. The loss is sum_b (n_b / n) loss_fn(model(x_b), target_b).

    n_b is the number of clips in batch b, and n that of all batches together. So several small batches give the
    gradient of one large batch, except that a BatchNorm in training mode normalises each batch by itself.
    batches: pairs of arrays: x [N*T, 3, H, W], which is cast to the dtype of the weights, and target, which is int [N]
    (classes) or float [N, K] (probabilities). loss_fn: (logits, target) -> the mean over the clips.
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


def as_tensor(array: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    """The array as a tensor. Whole numbers, which are classes, keep their type; everything else becomes `dtype`."""
    whole_numbers = np.issubdtype(array.dtype, np.integer)
    array = np.asarray(array, order="C")  # PyTorch does not take the negative strides of a flipped view
    return torch.tensor(array, dtype=None if whole_numbers else dtype)
