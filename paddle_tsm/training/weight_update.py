"""One update of a training: this process's clips in, gradients of all processes, one step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import paddle

from paddle_tsm.training.blending import cutmix, mixup
from paddle_tsm.training.dropout_mask import dropout_mask
from paddle_tsm.training.loss import binary_cross_entropy, cross_entropy
from paddle_tsm.training.processes import Processes
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.train_step import add_gradients


@dataclass(frozen=True)
class Update:
    """Means over the clips of all processes; `accuracy` is of the augmented clips, NaN where they have several labels."""

    loss: float
    accuracy: float
    grad_norm: float
    clips: int


class Diverged(ValueError):
    """The loss or the gradients are no longer finite."""


def update(session, samples: list, processes: Processes, lr: float) -> Update:
    """Train on `samples`, this process's of the batch: (clip [T, 3, h, w], labels, (epoch, index)); the list may be
    empty.

    Raises Diverged, so that nothing of it is saved. (Paddle's ReLU turns NaN into 0: a diverged network looks healthy.)
    """
    recipe, model, optimizer = session.recipe, session.model, session.optimizer
    (clips,) = processes.total(len(samples)) if processes.count > 1 else (len(samples),)
    if clips == 0:
        return Update(float("nan"), float("nan"), 0.0, 0)
    rng = np.random.default_rng([recipe.seed, *samples[0][2], 0xB1E]) if samples else None
    optimizer.clear_grad()
    loss, right = 0.0, 0
    for part in np.array_split(np.arange(len(samples)), min(recipe.accumulate, len(samples)) or 1):
        if len(part) == 0:
            continue
        chosen = [samples[i] for i in part]
        x, target = blend(recipe, np.concatenate([clip for clip, _, _ in chosen]), targets(recipe, chosen), rng)
        give_dropout(model, recipe, [key for _, _, key in chosen])
        with paddle.amp.auto_cast(enable=recipe.amp != "none", dtype="bfloat16", level="O1"):
            part_loss, logits = add_gradients(model, [(x, target)], loss_of(recipe), clips)
        loss += part_loss
        right += sum(int(row.argmax()) == labels[0] for row, (_, labels, _) in zip(logits, chosen))
    processes.sum_gradients(optimizer)
    loss, right = processes.total(loss, right)
    norm = step(optimizer, lr, loss)
    if session.average:
        session.average.update()
    return Update(loss, float("nan") if recipe.multi_label else right / clips, norm, clips)


def step(optimizer, lr: float, loss: float) -> float:
    """The optimizer's step at this rate; returns the gradients' norm before they were clipped."""
    if not np.isfinite(loss):
        raise Diverged(f"the loss is {loss}")
    optimizer.set_lr(lr)
    optimizer.step()
    if not np.isfinite(optimizer.grad_norm):
        raise Diverged(f"the gradients' norm is {optimizer.grad_norm}")
    return optimizer.grad_norm


def targets(recipe: Recipe, samples: list) -> np.ndarray:
    """Classes, int64 [N]; with several labels a clip, 1 for each of its classes, float32 [N, K]."""
    if not recipe.multi_label:
        return np.array([labels[0] for _, labels, _ in samples])
    several = np.zeros((len(samples), recipe.num_classes), "float32")
    for row, (_, labels, _) in zip(several, samples):
        row[list(labels)] = 1
    return several


def blend(recipe: Recipe, x: np.ndarray, target: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
    """The batch as it is, or mixed within itself."""
    mix = (mixup, recipe.mixup) if recipe.mixup else (cutmix, recipe.cutmix)
    if not mix[1]:
        return x, target
    return mix[0](x, target, recipe.num_classes, rng, mix[1])


def loss_of(recipe: Recipe):
    if recipe.multi_label:
        return binary_cross_entropy
    return partial(cross_entropy, label_smoothing=recipe.label_smoothing)


def give_dropout(model, recipe: Recipe, keys: list) -> None:
    """Give the model the dropout of these clips: frames of the last stage x pooled channels."""
    if recipe.dropout:
        frames = model.network.segments(None)
        layer = model.classifier_layer()
        mask = dropout_mask(keys, recipe.seed, (frames, layer.weight.shape[0]), recipe.dropout)
        model.dropout.use_mask(paddle.to_tensor(mask).astype(layer.weight.dtype))
