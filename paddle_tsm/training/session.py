"""The state of a training (networks, optimizer, moving average, position), saved to one file and restored from it."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from paddle_tsm.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from paddle_tsm.training.framework import Framework, framework_named
from paddle_tsm.training.joint_optimizer import JointOptimizer
from paddle_tsm.training.plan import plain_values
from paddle_tsm.training.recipe import Recipe

RECORD_KEY = "paddle_tsm_training"
# options of a recipe that decide nothing but the learning rate of each update, and how many updates there are
RATE_OPTIONS = {"epochs", "lr", "schedule", "milestones", "gamma", "warmup", "warmup_by", "warmup_factor"}


@dataclass
class Position:
    """How far a training is: `step` updates of the epoch `epoch` are done, both counted from 0.

    best, best_epoch: the score of the best validation so far and its epoch; None before the first.
    """

    epoch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int | None = None


class Session:
    """Everything that a training changes.

    model: the network that is trained for its own sake, which is validated, averaged and written. teacher: the network
    beside it, or None. networks: each network with its recipe.

    clips_digest: `digest_of` the training list. class_names: in the order of the classes, or (). framework: that the
    network and the optimizer are objects of; None: Paddle. Raises ValueError for another number of class names than the
    recipe has classes.
    """

    def __init__(
        self,
        recipe: Recipe,
        clips_digest: str,
        class_names: tuple[str, ...] = (),
        framework: Framework | None = None,
    ):
        self.recipe, self.clips_digest, self.class_names = recipe, clips_digest, tuple(class_names)
        if self.class_names and len(self.class_names) != recipe.num_classes:
            raise ValueError(
                f"class_names: got {len(self.class_names)}, wanted {recipe.num_classes}, the recipe's num_classes"
            )
        self.framework = framework or framework_named("paddle")
        self.model = self.framework.new_model(recipe)
        self.networks = [(self.model, recipe)]
        teacher = recipe.teacher_recipe()
        self.teacher = self.framework.new_model(teacher) if teacher else None
        if teacher:
            self.networks.append((self.teacher, teacher))
        self.start_training()
        self.optimizer = self._new_optimizer()
        self.average = self.framework.new_average(self.model, recipe.ema) if recipe.ema else None
        self.position = Position()

    def start_training(self) -> None:
        """Put the networks into training mode, and with `frozen_bn` every BatchNorm into evaluation mode."""
        for model, recipe in self.networks:
            self.framework.start_training(model, recipe.frozen_bn)

    def _new_optimizer(self) -> Any:
        """The optimizer of the network, or of both."""
        optimizers = [self.framework.new_optimizer(model, recipe) for model, recipe in self.networks]
        if len(optimizers) == 1:
            return optimizers[0]
        both = dict(zip(("student", "teacher"), optimizers))
        return JointOptimizer(both, self.recipe.max_norm, self.framework.clip_gradients)

    def save(self, path: str | os.PathLike) -> None:
        """Write everything to one safetensors file, which appears whole or not at all."""
        tensors = {f"model/{name}": array for name, array in self.framework.state(self.model).items()}
        if self.teacher is not None:
            tensors |= {f"teacher/{name}": array for name, array in self.framework.state(self.teacher).items()}
        if self.average:
            tensors |= {f"average/{name}": array for name, array in self.average.state().items()}
        optimizer = self.optimizer.state_dict()
        for name, buffers in optimizer["state"].items():
            tensors |= {f"optimizer/{buffer}/{name}": np.asarray(array) for buffer, array in buffers.items()}
        record = {
            "framework": self.framework.name,
            "recipe": dataclasses.asdict(self.recipe),
            "clips": self.clips_digest,
            "class_names": list(self.class_names),
            "position": dataclasses.asdict(self.position),
            "optimizer": {"algorithm": optimizer["algorithm"], "lr": optimizer["lr"]},
        }
        write_checkpoint(path, tensors, metadata={RECORD_KEY: json.dumps(record)}, format="safetensors")

    def restore(self, path: str | os.PathLike, steps: int) -> None:
        """Take over everything that `save` wrote. steps: updates in an epoch.

        Raises ValueError for a file that holds no training, and where it had another list, other class names, or a
        recipe with which the updates that are done would have been others.
        """
        checkpoint, record = read_saved(path)
        if record["framework"] != self.framework.name:
            raise ValueError(
                f"{path}: was trained by --framework {record['framework']}, got {self.framework.name}; resume with the "
                "same one, or start in another folder"
            )
        self._check_same(path, record["recipe"], record["clips"], Position(**record["position"]), steps)
        self.class_names = self._same_names(path, tuple(record["class_names"]))
        groups: dict[str, dict[str, np.ndarray]] = {"model": {}, "teacher": {}, "average": {}, "optimizer": {}}
        for name, array in checkpoint.tensors.items():
            group, _, rest = name.partition("/")
            groups[group][rest] = np.array(array)
        self.framework.set_state(self.model, groups["model"])
        if self.teacher is not None:
            self.framework.set_state(self.teacher, groups["teacher"])
        if self.average:
            self.average.load(groups["average"])
        state: dict[str, dict[str, np.ndarray]] = {}
        for name, array in groups["optimizer"].items():
            buffer, _, parameter = name.partition("/")
            state.setdefault(parameter, {})[buffer] = array
        self.optimizer.load_state_dict({**record["optimizer"], "state": state})
        self.position = Position(**record["position"])

    def _same_names(self, path: str | os.PathLike, saved: tuple[str, ...]) -> tuple[str, ...]:
        """The class names of this training, else the saved ones. Raises ValueError where there are two that differ."""
        if saved and self.class_names and saved != self.class_names:
            k = next(k for k, (a, b) in enumerate(zip(saved, self.class_names)) if a != b)
            raise ValueError(
                f"{path}: other class names: class {k} was {saved[k]!r}, now {self.class_names[k]!r}; resume with the "
                "same ones, or start in another folder"
            )
        return self.class_names or saved

    def _check_same(
        self, path: str | os.PathLike, recipe: dict[str, Any], clips: str, done: Position, steps: int
    ) -> None:
        """Raise ValueError unless the saved digest is that of this training, and the saved recipe gives the same
        updates up to `done`. Another recipe may go on from there with other rates, or for more epochs.
        """
        own = plain_values(self.recipe)
        # an older version had fewer options; what it did without them is their default
        saved = Recipe(**as_fields(recipe)) if set(recipe) <= set(own) else None
        was = plain_values(saved) if saved else recipe
        # `lr_batch` may differ: it changes no number
        changed = [name for name in own if name != "lr_batch" and own[name] != was.get(name)]
        if saved and set(changed) <= RATE_OPTIONS and same_past(saved, self.recipe, done, steps):
            changed = []
        if changed:
            what = "; ".join(f"{name} was {was.get(name)!r}, now {own[name]!r}" for name in changed[:3])
            raise ValueError(f"{path}: another recipe: {what}; resume with the same one, or start in another folder")
        if clips != self.clips_digest:
            raise ValueError(f"{path}: the training list has changed since; resume with the same one, or start anew")


def as_fields(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe's fields from JSON, which has lists where a recipe has tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in recipe.items()}


def same_past(saved: Recipe, now: Recipe, done: Position, steps: int) -> bool:
    """Whether both recipes give every update that is done the same rate."""
    count = done.epoch * steps + done.step
    before, after = saved.rates(steps).reshape(-1)[:count], now.rates(steps).reshape(-1)[:count]
    return np.array_equal(before, after)


def read_saved(path: str | os.PathLike) -> tuple[Checkpoint, dict[str, Any]]:
    """(the checkpoint, the record) that `Session.save` wrote. Raises ValueError for a file that holds no training."""
    checkpoint = read_checkpoint(path)
    try:
        record = json.loads(checkpoint.metadata[RECORD_KEY])
        record.setdefault("class_names", [])  # files of older versions have none
        record.setdefault("framework", "paddle")
        record["recipe"]["num_classes"], record["clips"], Position(**record["position"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(f"{path}: holds no training to go on with; wanted a file that `train` saved") from None
    return checkpoint, record
