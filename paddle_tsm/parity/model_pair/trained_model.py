"""What running and training a model takes in either framework alike: modes, layers, steps, rates and dropout."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.dropout_masks import Draw
from paddle_tsm.parity.model_pair.failures import running
from paddle_tsm.parity.model_pair.outputs import Step, flat, named_outputs, total_norm
from paddle_tsm.parity.model_pair.step_rules import StepRules
from paddle_tsm.parity.model_pair.structure import as_array, as_arrays, call_arguments, leaves, values_of
from paddle_tsm.parity.model_pair.watched import Emitter
from paddle_tsm.parity.named_tensors import layer_of, magnitude
from paddle_tsm.parity.side import See, Side, StepOutcome, is_statistic
from paddle_tsm.parity.tolerance import VANISHING


class TrainedModel(Side):
    """A model of either framework that can be run, and trained by `StepRules`.

    framework: the module torch or paddle. watched: PyTorch's name -> layer. context: a function to the context in which
    the model runs. make_optimizer: a function (parameters, lr) to an optimizer. recurrent_layer: the framework's class
    of an LSTM or GRU, whose dropout between layers is off. plain_optimizer: its optimizers that do not divide a
    gradient by its own size. rates: PyTorch's name of a parameter -> the learning rate of the last step. rounded: see
    `Side.rounded_gradients`.
    """

    outcome = "outputs"
    input_gradients = True  # whether they are compared, too
    framework: Any
    rules: StepRules
    watched: dict[str, Any]
    context: Callable[[], contextlib.AbstractContextManager]
    make_optimizer: Callable[[list[Any], float], Any] | None
    recurrent_layer: Any
    rates: dict[str, float]
    given_in_training: dict[str, np.ndarray]
    plain_optimizer: Any
    rounded: list[str]

    @abstractmethod
    def run(self, inputs: Any) -> Any:
        """What the model gives for arrays, without gradients."""

    @abstractmethod
    def backward(self, inputs: Any, target: Any) -> tuple[float, Any, Any]:
        """Run forward and backward. Returns (loss, the inputs with their gradients, outputs)."""

    @abstractmethod
    def clear_gradients(self) -> None:
        """Take the gradients of the last step away."""

    @abstractmethod
    def clip_gradients(self, norm: float) -> None:
        """Scale the gradients down where their norm, of all together, is larger than this one."""

    @abstractmethod
    def trained_parameters(self) -> list[Any]:
        """The parameters that are not frozen."""

    @abstractmethod
    def current_rates(self) -> dict[str, float]:
        """PyTorch's name of a parameter -> the learning rate that the optimizer has for it."""

    @abstractmethod
    def torch_names(self) -> dict[str, str]:
        """The framework's name of a tensor -> PyTorch's, where it is another."""

    @abstractmethod
    def clear_gradient(self, name: str, where: np.ndarray) -> None:
        """Set the chosen values of the gradient of a parameter, by the framework's name, to 0."""

    @abstractmethod
    def random_state(self) -> Any:
        """The state of the framework's generator of random numbers."""

    @abstractmethod
    def dropout_context(self) -> contextlib.AbstractContextManager:
        """The context in which the framework's dropout is that of the rules."""

    @abstractmethod
    def set_rate(self, rate: float) -> None:
        """Give the optimizer a learning rate."""

    @abstractmethod
    def new_scheduler(self, make: Callable[[Any], Any]) -> Any:
        """The caller's scheduler of the optimizer."""

    def call(self, inputs: Any) -> Any:
        """What the model gives for inputs that are tensors already."""
        arguments, named = call_arguments(inputs)
        with self.default_precision(), self.context(), self.running_in_mode(), running(self.name):
            return self.model(*arguments, **named)

    @contextlib.contextmanager
    def default_precision(self) -> Iterator[None]:
        """What the model makes without naming a precision, such as a first state of zeros, has that of its weights."""
        own = next((p.dtype for p in self.model.parameters() if p.is_floating_point()), None)
        before = self.framework.get_default_dtype()
        try:
            self.framework.set_default_dtype(own or before)
            yield
        finally:
            self.framework.set_default_dtype(before)

    def outputs(self, inputs: Any) -> dict[str, np.ndarray]:
        return named_outputs(self.run(inputs))

    def watch_layers(self, inputs: Any, see: See, train: bool = False) -> Any:
        self.set_mode(train)
        with Emitter(self.watched, see):
            given = self.run(inputs)
        self.model.eval()
        return as_arrays(given)

    def named_gradients(self) -> Iterator[tuple[str, np.ndarray]]:
        """The framework's name of each parameter that has a gradient, and the gradient; one at a time, because all
        together may be as large as the model.
        """
        return ((name, values_of(p.grad)) for name, p in self.model.named_parameters() if p.grad is not None)

    def new_optimizer(self, lr: float) -> Any:
        assert self.make_optimizer, "a comparison of steps names an optimizer"
        return self.make_optimizer(self.trained_parameters(), lr)

    def train_step(self, inputs: Any, target: Any) -> StepOutcome:
        self.begin_step()
        self.clear_gradients()
        loss, _, outputs = self.backward(inputs, target)
        norm = total_norm(array for _, array in self.named_gradients())
        if self.rules.clip is not None:
            self.clip_gradients(self.rules.clip)
        self.end_step()
        return Step(loss, norm, flat(outputs))

    def set_mode(self, train: bool) -> None:
        """Go into training mode, as `train` does, or into evaluation mode."""
        if train:
            self.train()
        else:
            self.model.eval()

    def train(self) -> None:
        """Go into training mode, all but the layers that the caller keeps in evaluation mode."""
        self.model.train()
        for name, layer in self.named_layers():
            if name in self.rules.in_evaluation:
                layer.training = False
            if isinstance(layer, self.recurrent_layer) and layer.dropout:
                self.leave_out_dropout_between_layers(layer.dropout)
                layer.dropout = 0.0

    def leave_out_dropout_between_layers(self, p: float) -> None:
        """Note the dropout of an LSTM or GRU, into which neither framework lets a mask."""
        if self.rules.draws.same:
            self.rules.draws.seen.append(Draw("dropout between layers", (), p))
            self.rules.say(
                "The dropout between the layers of an LSTM or GRU is off, because neither framework takes a mask for "
                "it; its probability is compared"
            )

    def start_training(self, lr: float) -> None:
        self.train()
        # PyTorch refuses an optimizer over nothing.
        self.optimizer = self.new_optimizer(lr) if self.trained_parameters() else None
        self.scheduler, self.steps_done = None, 0
        self.rounded = []

    @contextlib.contextmanager
    def running_in_mode(self) -> Iterator[None]:
        """The context of one run: in training mode with the dropout that is asked for, and a sentence where the model
        draws other random numbers.
        """
        if not self.model.training:
            yield
            return
        before = self.random_state()
        with self.dropout_context():
            yield
        if self.random_state() != before:
            self.rules.say(
                f"{self.name}'s model draws random numbers of its own in training mode, such as a hand-written "
                "DropPath; the other framework draws others, so that training cannot agree unless they are turned off"
            )

    def begin_step(self) -> None:
        """Set the rate of the next step. A scheduler is made for the first one, because a comparison of gradients makes
        an optimizer with a rate of 0, for which some schedulers cannot be made.
        """
        if self.rules.scheduler and self.scheduler is None and self.optimizer is not None:
            self.scheduler = self.new_scheduler(self.rules.scheduler)
        if self.rules.rate and self.optimizer is not None:
            self.set_rate(self.rules.rate(self.steps_done))

    def end_step(self) -> None:
        """Step the optimizer, and the scheduler, where there is one."""
        self.steps_done += 1
        if self.optimizer is None:
            return
        self.rates = self.current_rates()
        if not isinstance(self.optimizer, self.plain_optimizer):
            self.leave_out_rounding()
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()

    def leave_out_rounding(self) -> None:
        """Set to 0 what of a gradient is only rounding, for an optimizer that divides a gradient by its own size.

        A gradient may be 0 in exact arithmetic, as that of a bias in front of a BatchNorm. Of what rounding leaves of
        it Adam makes a step of the learning rate, in a direction that rounding chooses.
        """
        names = self.torch_names()
        largest: dict[str, float] = {}
        for name, array in self.named_gradients():
            layer = layer_of(names.get(name, name))
            largest[layer] = max(largest.get(layer, 0.0), magnitude(array))
        for name, array in self.named_gradients():
            known = names.get(name, name)
            small = (np.abs(array) <= VANISHING * largest[layer_of(known)]) & (array != 0)
            if small.any():
                self.clear_gradient(name, small)
                if known not in self.rounded:
                    self.rounded.append(known)

    def rounded_gradients(self) -> list[str]:
        return self.rounded

    def learning_rates(self) -> dict[str, float]:
        return self.rates

    def training_outputs(self) -> dict[str, np.ndarray]:
        return self.given_in_training

    def dropout_draws(self) -> list[Draw]:
        return self.rules.draws.seen

    def evaluated(self) -> set[str]:
        own = self.tensors()
        statistics = {name.rpartition(".")[0] for name in own if is_statistic(name)}
        return {name for name, layer in self.watched.items() if name in statistics and not layer.training}


def gradients_of_inputs(inputs: Any) -> dict[str, np.ndarray]:
    """Name -> gradient of the tensors of a model's inputs that have one: "input", "input[1]" or "input.mask"."""
    return {
        f"input{'.' if path and path[0] != '[' else ''}{path}": as_array(leaf.grad)
        for path, leaf in leaves(inputs).items()
        if leaf.grad is not None
    }
