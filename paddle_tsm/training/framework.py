"""The framework that a training runs in. Everything else of it (data, order, draws, rates, files) is the same for
both.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from paddle_tsm.networks.option_checks import must_be_one_of
from paddle_tsm.terminal.extras import how_to_install
from paddle_tsm.training.recipe import Recipe

FRAMEWORKS = ("paddle", "torch")


class Average(Protocol):
    """The exponential moving average of a model's weights; see `moving_average.MovingAverage`."""

    def update(self) -> None: ...

    def in_place(self) -> AbstractContextManager[None]: ...

    def state(self) -> dict[str, np.ndarray]: ...

    def load(self, arrays: dict[str, np.ndarray]) -> None: ...


class Framework(Protocol):
    """What a training asks of a framework. A model and an optimizer are the framework's own objects.

    Optimizers of both packages have the same methods: clear_grad, step, set_lr, grad_norm, state_dict, load_state_dict.
    """

    name: str

    def new_model(self, recipe: Recipe) -> Any:
        """The recipe's network with the initial weights of its seed, in its dtype."""

    def start_training(self, model: Any, frozen_bn: bool) -> None:
        """Put the model into training mode, and with `frozen_bn` every BatchNorm into evaluation mode."""

    def new_optimizer(self, model: Any, recipe: Recipe) -> Any:
        """The recipe's optimizer over the model's parameters."""

    def new_average(self, model: Any, decay: float) -> Average:
        """The moving average of the model's weights."""

    def set_dropout_mask(self, model: Any, mask: np.ndarray) -> None:
        """Have the model's dropout multiply by `mask`, [N*T, C], in its next forward pass."""

    def add_gradients(
        self, model: Any, recipe: Recipe, x: np.ndarray, target: np.ndarray, clips: int
    ) -> tuple[float, np.ndarray]:
        """Add the gradient of these clips' part of the mean loss over `clips` clips. x: [N*T, 3, H, W]. target: classes
        [N] or probabilities [N, K]. Returns (that part of the loss, logits [N, K]).
        """

    def add_mutual_gradients(
        self, model: Any, teacher: Any, recipe: Recipe, x: np.ndarray, target: np.ndarray, clips: int
    ) -> tuple[float, np.ndarray]:
        """As `add_gradients`, of both networks: the loss is the sum of both losses and of their `mutual_divergence`.
        The logits are the model's.
        """

    def clip_gradients(self, parameters: list[Any], max_norm: float) -> float:
        """Clip the norm of all gradients together, in place. Returns it as it was. max_norm: 0 clips nothing."""

    def run_of(self, model: Any) -> Any:
        """A function x [N*T, 3, H, W] -> logits [N, K], in evaluation mode."""

    def state(self, model: Any) -> dict[str, np.ndarray]:
        """Every weight and buffer, as the framework holds it."""

    def set_state(self, model: Any, arrays: dict[str, np.ndarray]) -> None:
        """Take over what `state` returned."""

    def canonical(self, model: Any) -> dict[str, np.ndarray]:
        """Every weight and buffer under its canonical name, in PyTorch's orientation."""

    def set_canonical(self, model: Any, tensors: dict[str, np.ndarray]) -> None:
        """Take over what `canonical` returned, in the model's dtype."""

    def load_pretrained(self, model: Any, path: str, without_classifier: bool, shift_order: str) -> None:
        """See `paddle_tsm.load_pretrained`."""


def framework_named(name: str) -> Framework:
    """The framework of this name. Raises ValueError for another name, and where PyTorch is not installed.

    Each is imported here, because it imports its own.
    """
    must_be_one_of("framework", name, FRAMEWORKS)
    if name == "paddle":
        from paddle_tsm.training.paddle_framework import PaddleFramework

        return PaddleFramework()
    try:
        from paddle_tsm.training.torch_framework import TorchFramework
    except ImportError as error:
        raise ValueError(
            f"--framework torch needs PyTorch ({error}); install it with: {how_to_install('torch')}"
        ) from error
    return TorchFramework()
