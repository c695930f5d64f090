"""One update of the weights in a training: this process's clips in, the gradients of all processes, one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import paddle
from paddle import nn

from paddle_tsm.optim import Optimizer
from paddle_tsm.training.blending import cutmix, mixup
from paddle_tsm.training.dropout_mask import dropout_mask
from paddle_tsm.training.loss import binary_cross_entropy, cross_entropy
from paddle_tsm.training.order import Key
from paddle_tsm.training.processes import Processes
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.session import Session
from paddle_tsm.training.train_step import add_gradients

Sample = tuple[np.ndarray, tuple[int, ...], Key]  # clip [T, 3, h, w], its labels, its key


@dataclass(frozen=True)
class UpdateResult:
    """What an update gave, over the clips of all processes.

    loss: the mean. accuracy: the share of clips whose first class is right, after augmentation; NaN where clips have
    several labels. grad_norm: the norm of all gradients before it was clipped. clips: their number.
    """

    loss: float
    accuracy: float
    grad_norm: float
    clips: int


class Diverged(ValueError):
    """The loss or the gradients are no longer finite."""


def update_weights(session: Session, samples: list[Sample], processes: Processes, lr: float) -> UpdateResult:
    """Update the weights with the learning rate `lr`. samples: this process's share of the batch, which may be empty.

    Raises Diverged for a loss or gradients that are not finite, so that such weights are never saved. The loss alone
    does not show it, because Paddle's ReLU turns NaN into 0.
    """
    recipe, optimizer = session.recipe, session.optimizer
    clips = int(processes.total(len(samples))[0])
    if clips == 0:
        return UpdateResult(float("nan"), float("nan"), 0.0, 0)
    optimizer.clear_grad()
    own_loss, own_right = add_gradients_of(session, samples, clips)
    processes.sum_gradients(optimizer)
    loss, right = processes.total(own_loss, own_right)
    norm = take_step(optimizer, lr, loss)
    if session.average:
        session.average.update()
    return UpdateResult(loss, float("nan") if recipe.multi_label else right / clips, norm, clips)


def add_gradients_of(session: Session, samples: list[Sample], clips: int) -> tuple[float, int]:
    """Add the gradients of `samples`, in the recipe's number of parts. clips: the number of clips in the whole update.

    Returns (the samples' part of the mean loss, how many of them are classified right).
    """
    recipe, loss, right = session.recipe, 0.0, 0
    rng = np.random.default_rng([recipe.seed, *samples[0][2], 0xB1E]) if samples else None
    for part in np.array_split(np.arange(len(samples)), min(recipe.accumulate, len(samples)) or 1):
        if len(part) == 0:
            continue
        chosen = [samples[i] for i in part]
        x, target = blend_batch(
            recipe, np.concatenate([clip for clip, _, _ in chosen]), targets_of(recipe, chosen), rng
        )
        set_dropout_mask(session.model, recipe, [key for _, _, key in chosen])
        with paddle.amp.auto_cast(enable=recipe.amp != "none", dtype="bfloat16", level="O1"):
            part_loss, logits = add_gradients(session.model, [(x, target)], loss_function(recipe), clips)
        loss += part_loss
        right += sum(int(row.argmax()) == labels[0] for row, (_, labels, _) in zip(logits, chosen))
    return loss, right


def take_step(optimizer: Optimizer, lr: float, loss: float) -> float:
    """Step the optimizer with this learning rate. Returns the norm of the gradients before it was clipped."""
    if not np.isfinite(loss):
        raise Diverged(f"the loss is {loss}")
    optimizer.set_lr(lr)
    optimizer.step()
    if not np.isfinite(optimizer.grad_norm):
        raise Diverged(f"the gradients' norm is {optimizer.grad_norm}")
    return optimizer.grad_norm


def targets_of(recipe: Recipe, samples: list[Sample]) -> np.ndarray:
    """The classes, int64 [N]; where clips have several labels, float32 [N, K] with 1 for each class of a clip."""
    if not recipe.multi_label:
        return np.array([labels[0] for _, labels, _ in samples])
    targets = np.zeros((len(samples), recipe.num_classes), "float32")
    for row, (_, labels, _) in zip(targets, samples):
        row[list(labels)] = 1
    return targets


def blend_batch(
    recipe: Recipe, x: np.ndarray, target: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The batch after the recipe's mixup or CutMix, or as it is where the recipe has neither."""
    if recipe.mixup:
        return mixup(x, target, recipe.num_classes, rng, recipe.mixup)
    if recipe.cutmix:
        return cutmix(x, target, recipe.num_classes, rng, recipe.cutmix)
    return x, target


def loss_function(recipe: Recipe) -> Callable[[paddle.Tensor, paddle.Tensor], paddle.Tensor]:
    """The function (logits, target) -> mean loss over the clips."""
    if recipe.multi_label:
        return binary_cross_entropy
    return partial(cross_entropy, label_smoothing=recipe.label_smoothing)


def set_dropout_mask(model: nn.Layer, recipe: Recipe, keys: list[Key]) -> None:
    """Have the model's dropout use the masks of the clips with these keys in its next forward pass."""
    if recipe.dropout:
        frames = model.network.segments(None)
        layer = model.classifier_layer()
        mask = dropout_mask(keys, recipe.seed, (frames, layer.weight.shape[0]), recipe.dropout)
        model.dropout.use_mask(paddle.to_tensor(mask).astype(layer.weight.dtype))
