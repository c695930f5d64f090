"""One network in one framework, as the comparison uses it: NumPy arrays go in, NumPy arrays come out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from paddle_tsm.networks.network import Network


class StepOutcome(Protocol):
    """What the `train_step` of both frameworks returns."""

    @property
    def loss(self) -> float:
        """The mean over the clips."""

    @property
    def grad_norm(self) -> float:
        """The norm of all gradients together, before they are clipped."""

    @property
    def logits(self) -> np.ndarray:
        """[N, K]."""


class Side(ABC):
    """A network with given canonical tensors, in evaluation mode, in "float32" or "float64".

    Every array has PyTorch's orientation. Inputs x are [N*T, 3, H, W] in the side's precision; targets are classes [N].
    """

    name: str  # the framework's name, as it is printed
    network: Network
    model: Any
    optimizer: Any
    dropout_layer: Any  # the framework's class

    def outputs(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Every stage's output [N*T, C, h, w], the features that the classifier reads [N*T, C], the logits [N, K]."""
        results: dict[str, np.ndarray] = {}
        names = {last_layer: stage for stage, last_layer in self.model.stage_ends.items()}
        names["dropout"] = "features"  # in evaluation mode dropout drops nothing, but some families scale there
        watched = {names[name]: layer for name, layer in self.named_layers() if name in names}
        logits = self.forward(x, watched, results.__setitem__)
        return results | {"logits": logits}

    def watch_layers(self, x: np.ndarray, see: Callable[[str, np.ndarray], None]) -> np.ndarray:
        """The logits of x. see(name, output) is called for each layer with weights, in forward order."""
        return self.forward(x, {name: layer for name, layer in self.named_layers() if self.has_weights(layer)}, see)

    def statistics(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Every BatchNorm's running mean and variance after one training pass over x. Changes the network."""
        self.model.train()
        self.forward(x, {}, lambda name, output: None)
        self.model.eval()
        return {name: value.numpy() for name, value in self.model.state_dict().items() if ".running_" in name}

    def start_training(self, lr: float) -> None:
        """Go into training mode with `tsm_sgd`. Dropout is off, because the frameworks draw different masks."""
        self.model.train()
        for _, layer in self.named_layers():
            if isinstance(layer, self.dropout_layer):
                layer.p = 0.0
        self.optimizer = self.new_optimizer(lr)

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Every array of the optimizer's state: "parameter's name: buffer's name" -> array."""
        state = self.optimizer.state_dict()["state"]
        return {f"{name}: {buffer}": array for name, arrays in state.items() for buffer, array in arrays.items()}

    @abstractmethod
    def named_layers(self) -> Iterator[tuple[str, Any]]:
        """(name, layer) of every layer of the model."""

    @abstractmethod
    def has_weights(self, layer: Any) -> bool:
        """Whether the layer itself, without those inside it, has parameters."""

    @abstractmethod
    def forward(self, x: np.ndarray, watched: dict[str, Any], see: Callable[[str, np.ndarray], None]) -> np.ndarray:
        """The logits of x, without gradients. see(name, output) is called when a layer of `watched` has run."""

    @abstractmethod
    def new_optimizer(self, lr: float) -> Any:
        """The framework's `tsm_sgd` over the model, with its other defaults."""

    @abstractmethod
    def gradients(self, x: np.ndarray, target: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        """The loss, and every parameter's gradient in forward order; parameters that get none are left out."""

    @abstractmethod
    def train_step(self, x: np.ndarray, target: np.ndarray) -> StepOutcome:
        """Do one training step on one batch."""

    @abstractmethod
    def tensors(self) -> dict[str, np.ndarray]:
        """A copy of every weight and buffer under its canonical name."""
