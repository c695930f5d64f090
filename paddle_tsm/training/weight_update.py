"""One update of the weights in a training: this process's clips in, the gradients of all processes, one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paddle_tsm.processes.processes import Processes
from paddle_tsm.training.blend_draws import draw_blends, parts_of
from paddle_tsm.training.blending import Blend, blended
from paddle_tsm.training.dropout_mask import dropout_mask
from paddle_tsm.training.order import Key
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.session import Session

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


def update_weights(
    session: Session,
    samples: list[Sample],
    processes: Processes,
    lr: float,
    blends: Sequence[Blend | None] | None = None,
) -> UpdateResult:
    """Update the weights with the learning rate `lr`. samples: this process's share of the batch, which may be empty.
    blends: one for each part of the samples; None: they are drawn now.

    Raises Diverged for a loss or gradients that are not finite, so that such weights are never saved. The loss alone
    does not show it, because Paddle's ReLU turns NaN into 0.
    """
    recipe, optimizer = session.recipe, session.optimizer
    clips = int(processes.total(len(samples))[0])
    if clips == 0:
        return UpdateResult(float("nan"), float("nan"), 0.0, 0)
    optimizer.clear_grad()
    own_loss, own_right = add_gradients_of(session, samples, clips, blends)
    processes.sum_gradients(optimizer)
    loss, right = processes.total(own_loss, own_right)
    norm = take_step(optimizer, lr, loss)
    if session.average:
        session.average.update()
    return UpdateResult(loss, float("nan") if recipe.multi_label else right / clips, norm, clips)


def add_gradients_of(
    session: Session, samples: list[Sample], clips: int, blends: Sequence[Blend | None] | None
) -> tuple[float, int]:
    """Add the gradients of `samples`, in the recipe's number of parts. clips: the number of clips in the whole update.

    Returns (the samples' part of the mean loss, how many of them are classified right).
    """
    recipe, loss, right = session.recipe, 0.0, 0
    if blends is None and samples:
        blends = list(draw_blends(recipe, len(samples), samples[0][2]))
    for part, blend in zip(parts_of(len(samples), recipe.accumulate), blends or ()):
        chosen = [samples[i] for i in part]
        x, target = np.concatenate([clip for clip, _, _ in chosen]), targets_of(recipe, chosen)
        if blend is not None:
            x, target = blended(x, target, recipe.num_classes, blend)
        set_dropout_masks(session, [key for _, _, key in chosen])
        part_loss, logits = add_part(session, x, target, clips)
        loss += part_loss
        right += sum(int(row.argmax()) == labels[0] for row, (_, labels, _) in zip(logits, chosen))
    return loss, right


def add_part(session: Session, x: np.ndarray, target: np.ndarray, clips: int) -> tuple[float, np.ndarray]:
    """Add the gradients of one part of the samples, of the network or of both. See `Framework.add_gradients`."""
    if session.teacher is None:
        return session.framework.add_gradients(session.model, session.recipe, x, target, clips)
    return session.framework.add_mutual_gradients(session.model, session.teacher, session.recipe, x, target, clips)


def take_step(optimizer: Any, lr: float, loss: float) -> float:
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


def set_dropout_masks(session: Session, keys: list[Key]) -> None:
    """Have each network's dropout use the masks of the clips with these keys in its next forward pass."""
    for model, recipe in session.networks:
        network = recipe.network()
        if network.dropout:
            shape = network.segments(None), network.family.features(network)
            mask = dropout_mask(keys, recipe.seed, shape, network.dropout, network.family.scales_at_inference)
            session.framework.set_dropout_mask(model, mask)
