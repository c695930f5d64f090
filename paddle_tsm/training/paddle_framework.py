"""A training in Paddle."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import paddle

from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.models.create import build
from paddle_tsm.models.initial_weights import initialise
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.load import assign_weights, load_pretrained
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.families import is_linear_weight
from paddle_tsm.optim import Optimizer, clip_gradients, tsm_adamw, tsm_sgd
from paddle_tsm.training.loss import binary_cross_entropy, cross_entropy
from paddle_tsm.training.moving_average import MovingAverage
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.train_step import add_gradients, add_mutual_gradients


class PaddleFramework:
    """See `framework.Framework`."""

    name = "paddle"

    def new_model(self, recipe: Recipe) -> Recognizer:
        return initialise(build(recipe.network()), recipe.seed).to(dtype=recipe.dtype)

    def start_training(self, model: Recognizer, frozen_bn: bool) -> None:
        model.train()
        if frozen_bn:
            for layer in model.sublayers():
                if isinstance(layer, BatchNorm):
                    layer.eval()
                    layer.weight.stop_gradient = layer.bias.stop_gradient = True

    def new_optimizer(self, model: Recognizer, recipe: Recipe) -> Optimizer:
        make = tsm_adamw if recipe.optimizer == "adamw" else tsm_sgd
        return make(model, recipe.lr, **recipe.optimizer_options())

    def new_average(self, model: Recognizer, decay: float) -> MovingAverage:
        return MovingAverage(model, decay)

    def set_dropout_mask(self, model: Recognizer, mask: np.ndarray) -> None:
        model.dropout.use_mask(paddle.to_tensor(mask).astype(model.classifier_layer().weight.dtype))

    def add_gradients(
        self, model: Recognizer, recipe: Recipe, x: np.ndarray, target: np.ndarray, clips: int
    ) -> tuple[float, np.ndarray]:
        with paddle.amp.auto_cast(enable=recipe.amp != "none", dtype="bfloat16", level="O1"):
            return add_gradients(model, [(x, target)], loss_function(recipe), clips)

    def add_mutual_gradients(
        self, model: Recognizer, teacher: Recognizer, recipe: Recipe, x: np.ndarray, target: np.ndarray, clips: int
    ) -> tuple[float, np.ndarray]:
        with paddle.amp.auto_cast(enable=recipe.amp != "none", dtype="bfloat16", level="O1"):
            return add_mutual_gradients(model, teacher, (x, target), loss_function(recipe), clips)

    def clip_gradients(self, parameters: list[paddle.Tensor], max_norm: float) -> float:
        return float(clip_gradients(parameters, max_norm))

    def run_of(self, model: Recognizer) -> Callable[[np.ndarray], np.ndarray]:
        return run_of(model)

    def state(self, model: Recognizer) -> dict[str, np.ndarray]:
        return {name: np.asarray(tensor) for name, tensor in model.state_dict().items()}

    def set_state(self, model: Recognizer, arrays: dict[str, np.ndarray]) -> None:
        missing, unexpected = model.set_state_dict(arrays)
        assert not missing and not unexpected, (missing, unexpected)

    def canonical(self, model: Recognizer) -> dict[str, np.ndarray]:
        arrays = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
        return {name: array.T if is_linear_weight(name) else array for name, array in arrays.items()}

    def set_canonical(self, model: Recognizer, tensors: dict[str, np.ndarray]) -> None:
        assign_weights(model, tensors)

    def load_pretrained(self, model: Recognizer, path: str, without_classifier: bool, shift_order: str) -> None:
        load_pretrained(model, path, without_classifier=without_classifier, shift_order=shift_order)


def loss_function(recipe: Recipe) -> Callable[[paddle.Tensor, paddle.Tensor], paddle.Tensor]:
    """The function (logits, target) -> mean loss over the clips."""
    if recipe.multi_label:
        return binary_cross_entropy
    return partial(cross_entropy, label_smoothing=recipe.label_smoothing)
