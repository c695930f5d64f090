"""The same training in PyTorch, by the reference (`torch_ref`): what a training in Paddle is compared with."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import nn

import torch_ref
from paddle_tsm.training.recipe import Recipe
from torch_ref.initial_weights import initialise
from torch_ref.load import assign_weights
from torch_ref.loss import binary_cross_entropy, cross_entropy, mutual_divergence
from torch_ref.optim import Clipped, clip_gradients, tsm_adamw, tsm_sgd
from torch_ref.recognizer import Recognizer
from torch_ref.train_step import as_tensor


class TorchFramework:
    """See `framework.Framework`."""

    name = "torch"

    def new_model(self, recipe: Recipe) -> Recognizer:
        network = recipe.network()
        model = torch_ref.create_model(network.arch, **network.options())
        return initialise(model, recipe.seed).to(getattr(torch, recipe.dtype))

    def start_training(self, model: Recognizer, frozen_bn: bool) -> None:
        model.train()
        if frozen_bn:
            for layer in model.modules():
                if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                    layer.eval().requires_grad_(False)

    def new_optimizer(self, model: Recognizer, recipe: Recipe) -> Clipped:
        make = tsm_adamw if recipe.optimizer == "adamw" else tsm_sgd
        return make(model, recipe.lr, **recipe.optimizer_options())

    def new_average(self, model: Recognizer, decay: float) -> TorchAverage:
        return TorchAverage(model, decay)

    def set_dropout_mask(self, model: Recognizer, mask: np.ndarray) -> None:
        model.dropout.use_mask(torch.from_numpy(mask).to(next(model.parameters()).dtype))

    def add_gradients(
        self, model: Recognizer, recipe: Recipe, x: np.ndarray, target: np.ndarray, clips: int
    ) -> tuple[float, np.ndarray]:
        dtype = next(model.parameters()).dtype
        logits = model(as_tensor(x, dtype))
        loss = loss_function(recipe)(logits, as_tensor(target, dtype))
        share = loss * (len(target) / clips)
        share.backward()
        return share.item(), logits.detach().numpy()

    def add_mutual_gradients(
        self, model: Recognizer, teacher: Recognizer, recipe: Recipe, x: np.ndarray, target: np.ndarray, clips: int
    ) -> tuple[float, np.ndarray]:
        dtype = next(model.parameters()).dtype
        frames, wanted = as_tensor(x, dtype), as_tensor(target, dtype)
        both = [network(frames) for network in (model, teacher)]
        share = sum(loss_function(recipe)(logits, wanted) for logits in both) + mutual_divergence(*both)
        share = share * (len(target) / clips)
        share.backward()
        return share.item(), both[0].detach().numpy()

    def clip_gradients(self, parameters: list[torch.Tensor], max_norm: float) -> float:
        return float(clip_gradients(parameters, max_norm))

    def run_of(self, model: Recognizer) -> Callable[[np.ndarray], np.ndarray]:
        def run(x: np.ndarray) -> np.ndarray:
            model.eval()
            with torch.no_grad():
                return model(as_tensor(x, next(model.parameters()).dtype)).numpy()

        return run

    def state(self, model: Recognizer) -> dict[str, np.ndarray]:
        return {name: tensor.numpy(force=True) for name, tensor in model.state_dict().items()}

    def set_state(self, model: Recognizer, arrays: dict[str, np.ndarray]) -> None:
        model.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})

    def canonical(self, model: Recognizer) -> dict[str, np.ndarray]:
        return self.state(model)

    def set_canonical(self, model: Recognizer, tensors: dict[str, np.ndarray]) -> None:
        assign_weights(model, tensors)

    def load_pretrained(self, model: Recognizer, path: str, without_classifier: bool, shift_order: str) -> None:
        torch_ref.load_pretrained(model, path, without_classifier=without_classifier, shift_order=shift_order)


def loss_function(recipe: Recipe) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The function (logits, target) -> mean loss over the clips."""
    if recipe.multi_label:
        return binary_cross_entropy
    return partial(cross_entropy, label_smoothing=recipe.label_smoothing)


class TorchAverage:
    """`moving_average.MovingAverage` of a PyTorch model."""

    def __init__(self, model: Recognizer, decay: float):
        self.decay = decay
        self._weights = dict(model.named_parameters())
        self._averages: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def update(self) -> None:
        for name, weight in self._weights.items():
            before = self._averages.get(name)
            self._averages[name] = weight.clone() if before is None else torch.lerp(weight, before, self.decay)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        own = {name: self._weights[name].detach().clone() for name in self._averages}
        self._assign(self._averages)
        try:
            yield
        finally:
            self._assign(own)

    @torch.no_grad()
    def _assign(self, tensors: dict[str, torch.Tensor]) -> None:
        for name, tensor in tensors.items():
            self._weights[name].copy_(tensor)

    def state(self) -> dict[str, np.ndarray]:
        return {name: average.numpy(force=True) for name, average in self._averages.items()}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        self._averages = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
