"""What training any model takes beside its framework: modes, rates of each step, and dropout."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.dropout_masks import Draw
from paddle_tsm.parity.model_pair.step_rules import StepRules
from paddle_tsm.parity.named_tensors import layer_of, magnitude
from paddle_tsm.parity.side import Side, is_statistic
from paddle_tsm.parity.tolerance import VANISHING


class TrainedModel(Side):
    """A model of either framework that can be trained by `StepRules`.

    watched: PyTorch's name -> layer. recurrent_layer: the framework's class of an LSTM or GRU, whose dropout between
    layers is off. plain_optimizer: its optimizers that do not divide a gradient by its own size. rates: PyTorch's name
    of a parameter -> the learning rate of the last step. rounded: see `Side.rounded_gradients`.
    """

    rules: StepRules
    watched: dict[str, Any]
    recurrent_layer: Any
    rates: dict[str, float]
    given_in_training: dict[str, np.ndarray]
    plain_optimizer: Any
    rounded: list[str]

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
    def named_gradients(self) -> Iterator[tuple[str, np.ndarray]]:
        """The framework's name of each parameter that has a gradient, and the gradient; one at a time, because all
        together may be as large as the model.
        """

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
