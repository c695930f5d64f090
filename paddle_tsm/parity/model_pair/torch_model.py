"""Any PyTorch module, as the comparison uses it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from paddle_tsm.parity.model_pair.failures import running
from paddle_tsm.parity.model_pair.layer_tensors import named_tensors
from paddle_tsm.parity.model_pair.outputs import (
    STATE,
    by_first_word,
    named_outputs,
    projection,
    takes_gradient,
)
from paddle_tsm.parity.model_pair.schedules import set_torch_rate, torch_scheduler
from paddle_tsm.parity.model_pair.step_rules import StepRules
from paddle_tsm.parity.model_pair.structure import as_array, leaves, map_leaves
from paddle_tsm.parity.model_pair.torch_dropout import TorchDropout
from paddle_tsm.parity.model_pair.trained_model import TrainedModel, gradients_of_inputs


class TorchModel(TrainedModel):
    """A PyTorch module, which this object may change.

    watched: name -> module, whose inputs and outputs `watch_layers` shows. loss: a function (outputs, target) to a
    scalar tensor; None is a seeded projection of all outputs. optimizer: a function (parameters, lr) to an optimizer.
    context: a function to the context in which the model runs. names: the tensors that have a twin in Paddle; None for
    all. rules: what surrounds a training step.
    """

    name = "PyTorch"
    recurrent_layer = torch.nn.RNNBase
    plain_optimizer = torch.optim.SGD
    framework = torch

    def __init__(
        self,
        model: torch.nn.Module,
        watched: dict[str, torch.nn.Module] | None = None,
        loss: Callable[[Any, Any], torch.Tensor] | None = None,
        optimizer: Callable[[list[torch.nn.Parameter], float], Any] | None = None,
        context: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext,
        names: set[str] | None = None,
        rules: StepRules | None = None,
    ):
        self.rules, self.rates, self.given_in_training, self.rounded = rules or StepRules(), {}, {}, []
        self.model, self.watched, self.loss = model.eval(), watched or {}, loss
        self.make_optimizer, self.context, self.names = optimizer, context, names

    def named_layers(self) -> Iterator[tuple[str, Any]]:
        return self.model.named_modules()

    def run(self, inputs: Any) -> Any:
        """What the model gives for arrays, without gradients."""
        with torch.no_grad():
            return self.call(as_tensors(inputs))

    def trained_parameters(self) -> list[torch.nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad]

    def trained(self) -> set[str]:
        return {
            name
            for name, p in self.model.named_parameters()
            if p.requires_grad and (self.names is None or name in self.names)
        }

    def dropout_context(self) -> contextlib.AbstractContextManager:
        return TorchDropout(self.rules.draws)

    def random_state(self) -> Any:
        return torch.get_rng_state().numpy().tobytes()

    def backward(self, inputs: Any, target: Any) -> tuple[float, Any, Any]:
        """Run forward and backward. Returns (loss, the inputs with their gradients, outputs)."""
        given = as_tensors(inputs)
        for leaf in leaves(given).values():
            if self.input_gradients and takes_gradient(as_array(leaf)):
                leaf.requires_grad_()
        # A model may change its input in place, which PyTorch refuses for a leaf of the graph.
        outputs = self.call(map_leaves(lambda leaf: leaf.clone() if leaf.is_floating_point() else leaf, given))
        loss = self.loss(outputs, target) if self.loss else projected(outputs)
        with running(f"The backward pass of {self.name}'s"):
            loss.backward()
        return float(loss.detach()), given, outputs

    def gradients(self, inputs: Any, target: Any) -> tuple[float, dict[str, np.ndarray]]:
        loss, given, outputs = self.backward(inputs, target)
        self.given_in_training = named_outputs(outputs)
        found = {name: array for name, array in self.named_gradients() if self.names is None or name in self.names}
        return loss, found | gradients_of_inputs(given)

    def forget_gradients(self) -> None:
        self.model.zero_grad()

    def clear_gradients(self) -> None:
        self.model.zero_grad()

    def clip_gradients(self, norm: float) -> None:
        torch.nn.utils.clip_grad_norm_(self.trained_parameters(), norm)

    def current_rates(self) -> dict[str, float]:
        names, trained = {id(p): name for name, p in self.model.named_parameters()}, self.trained()
        return {
            names[id(p)]: float(group["lr"])
            for group in self.optimizer.param_groups
            for p in group["params"]
            if names.get(id(p)) in trained
        }

    def torch_names(self) -> dict[str, str]:
        return {}

    def clear_gradient(self, name: str, where: np.ndarray) -> None:
        gradient = self.model.get_parameter(name).grad
        assert gradient is not None
        gradient[torch.from_numpy(where)] = 0.0

    def set_rate(self, rate: float) -> None:
        set_torch_rate(self.optimizer, rate)

    def new_scheduler(self, make: Callable[[Any], Any]) -> Any:
        return torch_scheduler(make, self.optimizer)

    def optimizer_state(self) -> dict[str, np.ndarray]:
        found = {}
        for name, parameter in self.model.named_parameters():
            if self.names is None or name in self.names:
                state = getattr(self.optimizer, "state", {}).get(parameter, {})
                never_stepped = not float(state.get("step", 1))  # Adagrad has a state before the first step
                for buffer in STATE.values():
                    if state.get(buffer) is not None and not never_stepped:
                        found[f"{name}: {buffer}"] = as_array(state[buffer])
        return found

    def tensors(self) -> dict[str, np.ndarray]:
        return {
            name: as_array(value)
            for name, value in named_tensors(self.model).items()
            if self.names is None or name in self.names
        }

    def is_buffer(self, name: str) -> bool:
        return name in dict(self.model.named_buffers())

    def tensor_groups(self) -> dict[str, list[str]]:
        return by_first_word(named_tensors(self.model))


def as_tensors(inputs: Any) -> Any:
    """A new tensor for every array, so that the caller's arrays stay as they are."""
    return map_leaves(torch.tensor, inputs)


def projected(outputs: Any) -> torch.Tensor:
    """The sum of all outputs of floating-point numbers, and of both parts of complex ones, each weighted by its seeded
    projection.
    """
    tensors = [leaf for leaf in leaves(outputs).values() if isinstance(leaf, torch.Tensor)]
    parts = [torch.view_as_real(leaf) if leaf.is_complex() else leaf for leaf in tensors]
    terms = [
        (leaf * torch.tensor(projection(tuple(leaf.shape), number), dtype=leaf.dtype)).sum()
        for number, leaf in enumerate(parts)
        if leaf.is_floating_point()
    ]
    return sum(terms[1:], terms[0])
