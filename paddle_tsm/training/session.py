"""A training as it stands: network, optimizer, average and position; put into one file and taken out of it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

import numpy as np
from paddle import nn

from paddle_tsm.checkpoint import read_checkpoint, write_checkpoint
from paddle_tsm.models.create import build
from paddle_tsm.models.initial_weights import initialise
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.optim import tsm_adamw, tsm_sgd
from paddle_tsm.training.moving_average import MovingAverage
from paddle_tsm.training.recipe import Recipe

RECORD = "paddle_tsm_training"


@dataclass
class Position:
    """`step` updates of epoch `epoch` (both from 0) are done. best: the best validation so far, of epoch `best_epoch`."""

    epoch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int | None = None


class Session:
    """Everything that a training changes. `clips_digest` says which list it runs on, `class_names` what its labels are."""

    def __init__(self, recipe: Recipe, clips_digest: str, class_names: tuple[str, ...] = ()):
        self.recipe, self.clips_digest, self.class_names = recipe, clips_digest, tuple(class_names)
        if self.class_names and len(self.class_names) != recipe.num_classes:
            raise ValueError(
                f"class_names: got {len(self.class_names)}, wanted {recipe.num_classes}, the recipe's num_classes"
            )
        self.model = initialise(build(recipe.network()), recipe.seed).to(dtype=recipe.dtype)
        self.start_training()
        self.optimizer = new_optimizer(self.model, recipe)
        self.average = MovingAverage(self.model, recipe.ema) if recipe.ema else None
        self.position = Position()

    def start_training(self) -> None:
        """Training mode; with `frozen_bn` every BatchNorm is left as in evaluation."""
        self.model.train()
        if self.recipe.frozen_bn:
            for layer in self.model.sublayers():
                if isinstance(layer, BatchNorm):
                    layer.eval()
                    layer.weight.stop_gradient = layer.bias.stop_gradient = True

    def save(self, path) -> None:
        """Write all of it as one safetensors file, complete or not at all."""
        tensors = {f"model/{name}": np.asarray(tensor) for name, tensor in self.model.state_dict().items()}
        if self.average:
            tensors |= {f"average/{name}": array for name, array in self.average.state().items()}
        optimizer = self.optimizer.state_dict()
        for name, buffers in optimizer["state"].items():
            tensors |= {f"optimizer/{buffer}/{name}": np.asarray(array) for buffer, array in buffers.items()}
        record = {
            "recipe": dataclasses.asdict(self.recipe),
            "clips": self.clips_digest,
            "class_names": list(self.class_names),
            "position": dataclasses.asdict(self.position),
            "optimizer": {"algorithm": optimizer["algorithm"], "lr": optimizer["lr"]},
        }
        write_checkpoint(path, tensors, metadata={RECORD: json.dumps(record)}, format="safetensors")

    def restore(self, path) -> None:
        """Go on from what `save` wrote. Raises ValueError where that was another recipe, another list or no training."""
        checkpoint, record = read_saved(path)
        self._check_same(path, record["recipe"], record["clips"])
        self.class_names = self._same_names(path, tuple(record["class_names"]))
        parts: dict[str, dict] = {"model": {}, "average": {}, "optimizer": {}}
        for name, array in checkpoint.tensors.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = np.array(array)
        missing, unexpected = self.model.set_state_dict(parts["model"])
        assert not missing and not unexpected, (missing, unexpected)
        if self.average:
            self.average.load(parts["average"])
        state: dict[str, dict] = {}
        for name, array in parts["optimizer"].items():
            buffer, _, parameter = name.partition("/")
            state.setdefault(parameter, {})[buffer] = array
        self.optimizer.load_state_dict({**record["optimizer"], "state": state})
        self.position = Position(**record["position"])

    def _same_names(self, path, before: tuple[str, ...]) -> tuple[str, ...]:
        if before and self.class_names and before != self.class_names:
            k = next(k for k, (a, b) in enumerate(zip(before, self.class_names)) if a != b)
            raise ValueError(
                f"{path}: other class names: class {k} was {before[k]!r}, now {self.class_names[k]!r}; resume with the same "
                "ones, or start in another folder"
            )
        return self.class_names or before

    def _check_same(self, path, recipe: dict, clips: str) -> None:
        own = json.loads(json.dumps(dataclasses.asdict(self.recipe)))  # tuples as lists, as in the file
        # which batch the rate was published for changes no number
        changed = [name for name in own if name != "lr_batch" and own[name] != recipe.get(name)]
        if changed:
            what = "; ".join(f"{name} was {recipe.get(name)!r}, now {own[name]!r}" for name in changed[:3])
            raise ValueError(f"{path}: another recipe: {what}; resume with the same one, or start in another folder")
        if clips != self.clips_digest:
            raise ValueError(f"{path}: the training list has changed since; resume with the same one, or start anew")


def read_saved(path):
    """(Checkpoint, record) of what `Session.save` wrote. Raises ValueError for a file that holds no training."""
    checkpoint = read_checkpoint(path)
    try:
        record = json.loads(checkpoint.metadata[RECORD])
        record.setdefault("class_names", [])  # versions before the names were saved
        record["recipe"]["num_classes"], record["clips"], Position(**record["position"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(f"{path}: holds no training to go on with; wanted a file that `train` saved") from None
    return checkpoint, record


def new_optimizer(model: nn.Layer, recipe: Recipe):
    """The recipe's optimizer over the model's parameters."""
    groups = {"weight_decay": recipe.weight_decay, "fc_lr5": recipe.fc_lr5, "max_norm": recipe.max_norm}
    if recipe.optimizer == "adamw":
        return tsm_adamw(model, recipe.lr, **groups)
    return tsm_sgd(model, recipe.lr, recipe.momentum, nesterov=recipe.nesterov, **groups)
