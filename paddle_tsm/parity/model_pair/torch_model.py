"""Any PyTorch module, as the comparison uses it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from paddle_tsm.parity.model_pair.failures import running
from paddle_tsm.parity.model_pair.layer_tensors import named_tensors
from paddle_tsm.parity.model_pair.outputs import STATE, Step, by_first_word, flat, named_outputs, projection, total_norm
from paddle_tsm.parity.model_pair.structure import as_array, as_arrays, call_arguments, leaves, map_leaves
from paddle_tsm.parity.model_pair.watched import Emitter
from paddle_tsm.parity.side import See, Side, StepOutcome


class TorchModel(Side):
    """A PyTorch module, which this object may change.

    watched: name -> module, whose inputs and outputs `watch_layers` shows. loss: a function (outputs, target) to a
    scalar tensor; None is a seeded projection of all outputs. optimizer: a function (parameters, lr) to an optimizer.
    context: a function to the context in which the model runs. names: the tensors that have a twin in Paddle; None for
    all.
    """

    name = "PyTorch"
    outcome = "outputs"
    input_gradients = True  # whether they are compared, too
    dropout_layer: Any = torch.nn.modules.dropout._DropoutNd

    def __init__(
        self,
        model: torch.nn.Module,
        watched: dict[str, torch.nn.Module] | None = None,
        loss: Callable[[Any, Any], torch.Tensor] | None = None,
        optimizer: Callable[[list[torch.nn.Parameter], float], Any] | None = None,
        context: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext,
        names: set[str] | None = None,
    ):
        self.model, self.watched, self.loss = model.eval(), watched or {}, loss
        self.make_optimizer, self.context, self.names = optimizer, context, names

    def named_layers(self) -> Iterator[tuple[str, Any]]:
        return self.model.named_modules()

    def call(self, inputs: Any) -> Any:
        """What the model gives for inputs that are tensors already."""
        arguments, named = call_arguments(inputs)
        with self.context(), running(self.name):
            return self.model(*arguments, **named)

    def run(self, inputs: Any) -> Any:
        """What the model gives for arrays, without gradients."""
        with torch.no_grad():
            return self.call(as_tensors(inputs))

    def outputs(self, inputs: Any) -> dict[str, np.ndarray]:
        return named_outputs(self.run(inputs))

    def watch_layers(self, inputs: Any, see: See, train: bool = False) -> Any:
        self.model.train(train)
        with Emitter(self.watched, see):
            given = self.run(inputs)
        self.model.eval()
        return as_arrays(given)

    def new_optimizer(self, lr: float) -> Any:
        assert self.make_optimizer, "a comparison of steps names an optimizer"
        return self.make_optimizer([p for p in self.model.parameters() if p.requires_grad], lr)

    def backward(self, inputs: Any, target: Any) -> tuple[float, Any, Any]:
        """Run forward and backward. Returns (loss, the inputs with their gradients, outputs)."""
        given = as_tensors(inputs)
        for leaf in leaves(given).values():
            if self.input_gradients and leaf.is_floating_point():
                leaf.requires_grad_()
        # A model may change its input in place, which PyTorch refuses for a leaf of the graph.
        outputs = self.call(map_leaves(lambda leaf: leaf.clone() if leaf.is_floating_point() else leaf, given))
        loss = self.loss(outputs, target) if self.loss else projected(outputs)
        with running(f"{self.name}'s backward pass of"):
            loss.backward()
        return float(loss.detach()), given, outputs

    def gradients(self, inputs: Any, target: Any) -> tuple[float, dict[str, np.ndarray]]:
        loss, given, _ = self.backward(inputs, target)
        found = {
            name: as_array(p.grad)
            for name, p in self.model.named_parameters()
            if p.grad is not None and (self.names is None or name in self.names)
        }
        for path, leaf in leaves(given).items():
            if leaf.grad is not None:
                found[f"input{'.' if path and path[0] != '[' else ''}{path}"] = as_array(leaf.grad)
        return loss, found

    def train_step(self, inputs: Any, target: Any) -> StepOutcome:
        self.optimizer.zero_grad()
        loss, _, outputs = self.backward(inputs, target)
        norm = total_norm({name: as_array(p.grad) for name, p in self.model.named_parameters() if p.grad is not None})
        self.optimizer.step()
        return Step(loss, norm, flat(outputs))

    def optimizer_state(self) -> dict[str, np.ndarray]:
        found = {}
        for name, parameter in self.model.named_parameters():
            if self.names is None or name in self.names:
                state = getattr(self.optimizer, "state", {}).get(parameter, {})
                for buffer in STATE.values():
                    if state.get(buffer) is not None:
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
    """The sum of all outputs of floating-point numbers, each weighted by its seeded projection."""
    terms = [
        (leaf * torch.tensor(projection(tuple(leaf.shape), number), dtype=leaf.dtype)).sum()
        for number, leaf in enumerate(leaves(outputs).values())
        if isinstance(leaf, torch.Tensor) and leaf.is_floating_point()
    ]
    return sum(terms[1:], terms[0])
