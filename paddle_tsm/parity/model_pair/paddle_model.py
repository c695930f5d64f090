"""Any Paddle layer, as the comparison uses it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import paddle
from paddle.nn.layer.rnn import RNNBase

from paddle_tsm.parity.model_pair.alignment import Alignment
from paddle_tsm.parity.model_pair.failures import running
from paddle_tsm.parity.model_pair.layer_tensors import named_tensors
from paddle_tsm.parity.model_pair.outputs import (
    STATE,
    by_first_word,
    named_outputs,
    projection,
    takes_gradient,
)
from paddle_tsm.parity.model_pair.paddle_dropout import paddle_dropout
from paddle_tsm.parity.model_pair.schedules import paddle_scheduler, set_paddle_rate
from paddle_tsm.parity.model_pair.step_rules import StepRules
from paddle_tsm.parity.model_pair.structure import as_array, leaves, map_leaves
from paddle_tsm.parity.model_pair.trained_model import TrainedModel, gradients_of_inputs
from paddle_tsm.parity.side import is_statistic


class PaddleModel(TrainedModel):
    """A Paddle layer, which this object may change. Its layers and tensors go by PyTorch's names.

    alignment: which tensor is which of PyTorch's. The other arguments are those of `TorchModel`.
    """

    name = "Paddle"
    recurrent_layer = RNNBase
    plain_optimizer = (paddle.optimizer.SGD, paddle.optimizer.Momentum)
    framework = paddle

    def __init__(
        self,
        model: paddle.nn.Layer,
        alignment: Alignment,
        watched: dict[str, paddle.nn.Layer] | None = None,
        loss: Callable[[Any, Any], paddle.Tensor] | None = None,
        optimizer: Callable[[list[Any], float], Any] | None = None,
        context: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext,
        rules: StepRules | None = None,
    ):
        model.eval()
        self.rules, self.rates, self.given_in_training, self.rounded = rules or StepRules(), {}, {}, []
        self.model, self.alignment, self.watched, self.loss = model, alignment, watched or {}, loss
        self.make_optimizer, self.context = optimizer, context

    def named_layers(self) -> Iterator[tuple[str, Any]]:
        return self.model.named_sublayers(include_self=True)

    def run(self, inputs: Any) -> Any:
        """What the model gives for arrays, without gradients."""
        with paddle.no_grad():
            return self.call(as_tensors(inputs))

    def trained_parameters(self) -> list[Any]:
        return [p for p in self.model.parameters() if not p.stop_gradient]

    def trained(self) -> set[str]:
        own = dict(self.model.named_parameters())
        trained = {name for name, parameter in own.items() if not parameter.stop_gradient}
        pairs = self.alignment.tensors
        frozen = {pair.torch for pair in pairs if pair.paddle not in trained}  # or frozen in a part
        return {pair.torch for pair in pairs} - frozen

    def dropout_context(self) -> contextlib.AbstractContextManager:
        return paddle_dropout(self.rules.draws)

    def random_state(self) -> Any:
        return [word for word in str(paddle.get_rng_state()[0]).split() if not word.startswith("0x")]

    def backward(self, inputs: Any, target: Any) -> tuple[float, Any, Any]:
        """Run forward and backward. Returns (loss, the inputs with their gradients, outputs)."""
        given = as_tensors(inputs)
        for leaf in leaves(given).values():
            leaf.stop_gradient = not (self.input_gradients and takes_gradient(as_array(leaf)))
        outputs = self.call(map_leaves(lambda leaf: leaf.clone() if leaf.is_floating_point() else leaf, given))
        loss = self.loss(outputs, target) if self.loss else projected(outputs)
        with running(f"The backward pass of {self.name}'s"):
            loss.backward()
        return float(loss.detach()), given, outputs

    def gradients(self, inputs: Any, target: Any) -> tuple[float, dict[str, np.ndarray]]:
        loss, given, outputs = self.backward(inputs, target)
        self.given_in_training = named_outputs(outputs)
        found = self.alignment.to_torch(self._with_all_parts(dict(self.named_gradients())))
        return loss, found | gradients_of_inputs(given)

    def _with_all_parts(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays, by Paddle's names, and 0 for a part of a packed tensor that has none where another part has."""
        tensors = named_tensors(self.model)
        with_some = {pair.torch for pair in self.alignment.tensors if pair.paddle in found}
        for pair in self.alignment.tensors:
            if pair.torch in with_some and pair.paddle not in found:
                found[pair.paddle] = np.zeros_like(as_array(tensors[pair.paddle]))
        return found

    def forget_gradients(self) -> None:
        for parameter in self.model.parameters():
            parameter.clear_gradient(False)

    def clear_gradients(self) -> None:
        if self.optimizer is not None:
            self.optimizer.clear_grad(set_to_zero=False)

    def clip_gradients(self, norm: float) -> None:
        paddle.nn.utils.clip_grad_norm_(self.trained_parameters(), norm)

    def current_rates(self) -> dict[str, float]:
        groups = self.optimizer._parameter_list
        given = [p for group in groups for p in (group["params"] if isinstance(group, dict) else [group])]
        taken, rate = {p.name: p for p in given}, float(self.optimizer.get_lr())
        own, rates = named_tensors(self.model), {}
        for pair in self.alignment.tensors:
            parameter = taken.get(own[pair.paddle].name)
            if parameter is not None and not parameter.stop_gradient:
                rates[pair.torch] = rate * float((parameter.optimize_attr or {}).get("learning_rate", 1.0))
        return rates

    def torch_names(self) -> dict[str, str]:
        return {pair.paddle: pair.torch for pair in self.alignment.tensors}

    def clear_gradient(self, name: str, where: np.ndarray) -> None:
        gradient = dict(self.model.named_parameters())[name].grad
        array = gradient.numpy()
        array[where] = 0.0
        gradient.set_value(array)

    def set_rate(self, rate: float) -> None:
        set_paddle_rate(self.optimizer, rate)

    def new_scheduler(self, make: Callable[[Any], Any]) -> Any:
        return paddle_scheduler(make, self.optimizer)

    def optimizer_state(self) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        own = named_tensors(self.model)
        for word, buffer in STATE.items():
            arrays = getattr(self.optimizer, "_accumulators", {}).get(word, {})
            state = {name: as_array(arrays[tensor.name]) for name, tensor in own.items() if tensor.name in arrays}
            state = self.alignment.to_torch(self._with_all_parts(state))
            found |= {f"{name}: {buffer}": array for name, array in state.items()}
        return found

    def tensors(self) -> dict[str, np.ndarray]:
        return self.alignment.to_torch({name: as_array(value) for name, value in named_tensors(self.model).items()})

    def is_buffer(self, name: str) -> bool:
        buffers = dict(self.model.named_buffers())  # a BatchNorm's statistics are parameters in Paddle
        return is_statistic(name) or any(p.paddle in buffers for p in self.alignment.tensors if p.torch == name)

    def tensor_groups(self) -> dict[str, list[str]]:
        return by_first_word(self.alignment.torch_shapes)


def as_tensors(inputs: Any) -> Any:
    """A new tensor for every array."""
    return map_leaves(paddle.to_tensor, inputs)


def projected(outputs: Any) -> paddle.Tensor:
    """The sum of all outputs of floating-point numbers, and of both parts of complex ones, each weighted by its seeded
    projection.
    """
    tensors = [leaf for leaf in leaves(outputs).values() if isinstance(leaf, paddle.Tensor)]
    parts = [paddle.as_real(leaf) if leaf.is_complex() else leaf for leaf in tensors]
    terms = [
        (leaf * paddle.to_tensor(projection(tuple(leaf.shape), number)).astype(leaf.dtype)).sum()
        for number, leaf in enumerate(parts)
        if leaf.is_floating_point()
    ]
    return sum(terms[1:], terms[0])
