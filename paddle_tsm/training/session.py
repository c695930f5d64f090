"""A training as it stands: network, optimizer, average and position; put into one file and taken out of it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

import numpy as np
from paddle import nn

from paddle_tsm.batch_norm import BatchNorm
from paddle_tsm.checkpoint import read_checkpoint, write_checkpoint
from paddle_tsm.create import build
from paddle_tsm.initial_weights import initialise
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
    """Everything that a training changes. `clips_digest` says which list it runs on."""

    def __init__(self, recipe: Recipe, clips_digest: str):
        self.recipe, self.clips_digest = recipe, clips_digest
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
            "position": dataclasses.asdict(self.position),
            "optimizer": {"algorithm": optimizer["algorithm"], "lr": optimizer["lr"]},
        }
        write_checkpoint(path, tensors, metadata={RECORD: json.dumps(record)}, format="safetensors")

    def restore(self, path) -> None:
        """Go on from what `save` wrote. Raises ValueError where that was another recipe, another list or no training."""
        checkpoint = read_checkpoint(path)
        try:
            record = json.loads(checkpoint.metadata[RECORD])
            recipe, clips, position = record["recipe"], record["clips"], Position(**record["position"])
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path}: holds no training to go on with; wanted a file that `train` saved") from None
        self._check_same(path, recipe, clips)
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
        self.position = position

    def _check_same(self, path, recipe: dict, clips: str) -> None:
        own = json.loads(json.dumps(dataclasses.asdict(self.recipe)))  # tuples as lists, as in the file
        # which batch the rate was published for changes no number
        changed = [name for name in own if name != "lr_batch" and own[name] != recipe.get(name)]
        if changed:
            what = "; ".join(f"{name} was {recipe.get(name)!r}, now {own[name]!r}" for name in changed[:3])
            raise ValueError(f"{path}: another recipe: {what}; resume with the same one, or start in another folder")
        if clips != self.clips_digest:
            raise ValueError(f"{path}: the training list has changed since; resume with the same one, or start anew")


def new_optimizer(model: nn.Layer, recipe: Recipe):
    """The recipe's optimizer over the model's parameters."""
    groups = {"weight_decay": recipe.weight_decay, "fc_lr5": recipe.fc_lr5, "max_norm": recipe.max_norm}
    if recipe.optimizer == "adamw":
        return tsm_adamw(model, recipe.lr, **groups)
    return tsm_sgd(model, recipe.lr, recipe.momentum, nesterov=recipe.nesterov, **groups)
