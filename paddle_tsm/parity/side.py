"""One model in one framework, as the comparison uses it: NumPy arrays go in, NumPy arrays come out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from paddle_tsm.parity.model_pair.dropout_masks import Draw

INPUT = ": input"  # behind a layer's name: what it took
See = Callable[[str, np.ndarray], None]  # called with the name of what a layer took or gave, and the values


class StepOutcome(Protocol):
    """What a training step of both frameworks gives."""

    @property
    def loss(self) -> float:
        """The loss in front of the step."""

    @property
    def grad_norm(self) -> float:
        """The norm of all gradients together, before they are clipped."""

    @property
    def logits(self) -> np.ndarray:
        """What the model gave in front of the step: [N, K], or all its outputs one behind the other."""


class Side(ABC):
    """A model with given tensors, in evaluation mode, in "float32" or "float64".

    Every array has PyTorch's orientation and every name is PyTorch's. Inputs are an array, or a structure of arrays, in
    the side's precision; a target is what the side's loss takes beside the outputs.
    """

    name: str  # the framework's name, as it is printed
    model: Any
    optimizer: Any
    outcome = "logits"  # what a training step's outputs are called in the report

    @abstractmethod
    def outputs(self, inputs: Any) -> dict[str, np.ndarray]:
        """What the model gives in evaluation mode: name -> array."""

    @abstractmethod
    def watch_layers(self, inputs: Any, see: See, train: bool = False) -> Any:
        """What the model gives, in training mode if asked for. see(name, array) is called in the order of execution."""

    @abstractmethod
    def named_layers(self) -> Iterator[tuple[str, Any]]:
        """(name, layer) of every layer of the model."""

    @abstractmethod
    def tensors(self) -> dict[str, np.ndarray]:
        """A copy of every weight and buffer."""

    @abstractmethod
    def tensor_groups(self) -> dict[str, list[str]]:
        """Group -> the names of its tensors, both in forward order: the rows of the report."""

    @abstractmethod
    def gradients(self, inputs: Any, target: Any) -> tuple[float, dict[str, np.ndarray]]:
        """The loss, and the gradient of every parameter; those that get none are left out."""

    @abstractmethod
    def train_step(self, inputs: Any, target: Any) -> StepOutcome:
        """Do one training step on one batch."""

    @abstractmethod
    def new_optimizer(self, lr: float) -> Any:
        """An optimizer over the model."""

    def statistics(self, inputs: Any) -> dict[str, np.ndarray]:
        """Every buffer after one training pass over the inputs. Changes the model."""
        self.watch_layers(inputs, lambda name, array: None, train=True)
        return {name: array for name, array in self.tensors().items() if self.is_buffer(name)}

    def has_statistics(self) -> bool:
        """Whether there is a BatchNorm, whose statistics a training pass changes."""
        return any(is_statistic(name) for name in self.tensors())

    def is_buffer(self, name: str) -> bool:
        """Whether a tensor is one that no optimizer changes."""
        return is_statistic(name) or name.endswith("num_batches_tracked")

    def trained(self) -> set[str]:
        """The parameters that an optimizer changes."""
        return set()

    def evaluated(self) -> set[str]:
        """The layers with running statistics that are in evaluation mode although the model is trained."""
        return set()

    def training_outputs(self) -> dict[str, np.ndarray]:
        """What the model gave in training mode when its gradients were taken; empty where this is not compared."""
        return {}

    def learning_rates(self) -> dict[str, float]:
        """Parameter -> the learning rate of the last step; empty where this is not compared."""
        return {}

    @abstractmethod
    def forget_gradients(self) -> None:
        """Free the gradients of the last step, which are as large as the model."""

    def rounded_gradients(self) -> list[str]:
        """The parameters of whose gradients some values, which are only rounding, were kept from the optimizer."""
        return []

    def dropout_draws(self) -> list[Draw]:
        """The masks of dropout that the model has drawn; empty where dropout is off."""
        return []

    @abstractmethod
    def start_training(self, lr: float) -> None:
        """Go into training mode with an optimizer. Dropout is off, because the frameworks draw different masks, unless
        the model is given the same ones.
        """

    @abstractmethod
    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Every array of the optimizer's state: "parameter's name: buffer's name" -> array."""


def layer_of_value(label: str) -> str:
    """The layer of a value that `Side.watch_layers` shows: "conv2" for "conv2: input" and "conv2#2[1]"."""
    return label.partition(INPUT)[0].partition("#")[0].partition("[")[0]


def is_statistic(name: str) -> bool:
    """Whether a tensor is the running mean or variance of a BatchNorm."""
    return name.rpartition(".")[2] in ("running_mean", "running_var")
