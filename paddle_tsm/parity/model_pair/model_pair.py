"""Two models with their tensors and layers paired: makes the two sides that a comparison runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from paddle_tsm.parity.model_pair.alignment import Alignment
from paddle_tsm.parity.model_pair.dropout_masks import Draws
from paddle_tsm.parity.model_pair.first_runs import first_runs
from paddle_tsm.parity.model_pair.known_differences import functions_called, is_own_norm, sentences
from paddle_tsm.parity.model_pair.layer_tensors import paddle_layers, torch_layers
from paddle_tsm.parity.model_pair.model_copies import PaddleSource, TorchSource
from paddle_tsm.parity.model_pair.paddle_model import PaddleModel
from paddle_tsm.parity.model_pair.paddle_pools import exact_average_pools
from paddle_tsm.parity.model_pair.pairing import Pairing
from paddle_tsm.parity.model_pair.plain_layers import call_order, innermost, pair_plain_layers
from paddle_tsm.parity.model_pair.schedules import SchedulePair
from paddle_tsm.parity.model_pair.step_rules import StepRules
from paddle_tsm.terminal.extras import how_to_install
from paddle_tsm.training.nudge import nudged_weights

if TYPE_CHECKING:
    from paddle_tsm.parity.model_pair.torch_model import TorchModel

Align = Mapping[str, str | None] | Alignment | str | os.PathLike | None


@dataclass
class Training:
    """What training needs of each framework. losses: (PyTorch's, Paddle's) functions (outputs, target) to a scalar, or
    None for a seeded projection. optimizers: (PyTorch's, Paddle's) functions (parameters, lr) to an optimizer.
    schedule: the learning rates. clip: the largest norm of all gradients together, or None. masks: whether dropout
    draws the same masks in both; else it is off. said: what the models gave rise to say, a sentence each.
    """

    losses: tuple[Callable | None, Callable | None] = (None, None)
    optimizers: tuple[Callable | None, Callable | None] = (None, None)
    schedule: SchedulePair = SchedulePair()
    clip: float | None = None
    masks: bool = False
    said: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """Note a sentence once."""
        if sentence not in self.said:
            self.said.append(sentence)

    def rules(self, scheduler: Callable | None, in_evaluation: frozenset[str]) -> StepRules:
        """What surrounds a step of a new side."""
        return StepRules(self.schedule.rate, scheduler, self.clip, Draws(self.masks), in_evaluation, self.say)


class ModelPair:
    """Pairs two models on an input, and makes new sides of them.

    inputs: arrays, floats in float64. weights: "copy" gives Paddle PyTorch's weights, "as they are" leaves it its own.
    strict: take no known difference of the frameworks into account.
    Raises ValueError where the layers cannot be paired, and where a model does not run, or not twice the same.
    """

    def __init__(
        self,
        torch_model: Any,
        paddle_layer: Any,
        inputs: Any,
        weights: str,
        align: Align,
        training: Training,
        strict: bool,
    ):
        TorchModel = torch_model_class()
        self.torch, self.paddle = TorchSource(torch_model), PaddleSource(paddle_layer)
        self.training = training
        a, b = self.torch.new("float64"), self.paddle.new("float64")
        torch_side, paddle_side = TorchModel(a), PaddleModel(b, Alignment())
        run_torch, run_paddle = (lambda: torch_side.run(inputs)), (lambda: paddle_side.run(inputs))
        first_runs(run_torch, run_paddle)
        if isinstance(align, (str, os.PathLike)):
            align = Alignment.load(align)
        if isinstance(align, Alignment):
            self.alignment = align
            b = paddle_side.model = self.paddle.new("float64", align.to_paddle(self.torch.tensors))  # as Pairing does
        else:
            self.alignment = Pairing(a, b, run_torch, run_paddle, align).pair()
        self.copied = weights == "copy"
        self.plain_layers = self._pair_plain_layers(a, b, run_torch, run_paddle)
        self._find_known_differences(b, run_paddle, strict)

    def _pair_plain_layers(self, a: Any, b: Any, run_torch: Callable, run_paddle: Callable) -> dict[str, str]:
        torch = innermost(list(a.named_modules()), {layer.name for layer in torch_layers(a)})
        paddle = innermost([("", b), *b.named_sublayers()], {layer.name for layer in paddle_layers(b)})
        calls = call_order(torch, run_torch), call_order(paddle, run_paddle)
        self.with_activation = {name for name, layer in paddle.items() if getattr(layer, "_act", None)}
        return pair_plain_layers(self.alignment, torch, paddle, calls)

    def _find_known_differences(self, model: Any, run: Callable[[], Any], strict: bool) -> None:
        """Find the norms and functions of Paddle's own whose constants PyTorch's model is to compute with."""
        self.strict = strict
        self.norms: dict[str, Any] = {}
        self.rules: dict[str, dict[str, float]] = {}
        self.values: dict[str, int] = {}
        self.rules_used: set[str] = set()
        if strict:
            return
        layers = {"": model, **dict(model.named_sublayers())}
        # the model itself, which is not watched, may be a norm
        pairs = {pair.torch: pair.paddle for pair in self.alignment.layers} | self.watched()
        found = {name: layers[twin] for name, twin in pairs.items() if twin in layers}
        self.norms = {name: layer for name, layer in found.items() if is_own_norm(layer)}
        self.rules = {"pow": {}}
        if any(is_own_norm(layer) and "InstanceNorm" in type(layer).__name__ for layer in layers.values()):
            self.rules["instance_norm"] = {}  # one without weights may have no twin among the layers
        if any(is_own_norm(layer, ("GroupNorm",)) for layer in layers.values()):
            self.rules["group_norm"] = {}
        with functions_called(self.rules):
            run()

    def known(self) -> list[str]:
        """The known differences of the frameworks that were met and taken into account, a sentence each."""
        return sentences(self.norms, self.values, self.rules_used)

    def watched(self) -> dict[str, str]:
        """PyTorch's layer -> Paddle's, of all that is compared layer by layer. The models themselves are not, nor is a
        BatchNorm of Paddle that applies an activation, too, which PyTorch has as a layer behind it: what both give
        shows in the input of the next layer.
        """
        pairs = {pair.torch: pair.paddle for pair in self.alignment.layers} | self.plain_layers
        return {a: b for a, b in pairs.items() if a and b and b not in self.with_activation}

    def torch_side(self, dtype: str, nudge: int | None = None) -> TorchModel:
        """A new PyTorch side in this precision, which computes with Paddle's constants where its twin does.

        nudge: the seed of a change of every weight, and of what every function gives, by one unit in the last place;
        None leaves them as they are.
        """
        from paddle_tsm.parity.model_pair.torch_arithmetic import PaddleConstants, PaddleNorms
        from paddle_tsm.parity.model_pair.torch_rounding import RoundOtherwise

        model = self.torch.new(dtype, None if nudge is None else nudged_weights(self.torch.tensors, nudge, dtype))
        layers = dict(model.named_modules())
        PaddleNorms({name: layers[name] for name in self.norms if hasattr(layers[name], "eps")}, self.values)
        watched = {name: layers[name] for name in self.watched()}
        losses, optimizers = self.training.losses, self.training.optimizers
        names = set(self.alignment.torch_shapes)
        step_rules = self.training.rules(self.training.schedule.torch, self.torch.in_evaluation)

        @contextlib.contextmanager
        def context() -> Iterator[None]:
            with PaddleConstants(self.rules, self.rules_used):
                with contextlib.nullcontext() if nudge is None else RoundOtherwise(nudge):
                    yield

        return torch_model_class()(model, watched, losses[0], optimizers[0], context, names, step_rules)

    def paddle_side(self, dtype: str, copied: bool = False) -> PaddleModel:
        """A new Paddle side in this precision, whose weights are PyTorch's where they are to be copied.

        copied: whether they are anyway.
        """
        copied = copied or self.copied
        model = self.paddle.new(dtype, self.alignment.to_paddle(self.torch.tensors) if copied else None)
        layers = dict(model.named_sublayers())
        watched = {name: layers[twin] for name, twin in self.watched().items()}
        losses, optimizers = self.training.losses, self.training.optimizers
        step_rules = self.training.rules(self.training.schedule.paddle, self.paddle.in_evaluation)
        context = contextlib.nullcontext if self.strict else lambda: exact_average_pools(self.rules_used)
        return PaddleModel(model, self.alignment, watched, losses[1], optimizers[1], context, step_rules)

    def own_tensors(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Both models' own tensors that are paired, by PyTorch's names."""
        own = self.alignment.to_torch(self.paddle.tensors)
        return {name: self.torch.tensors[name] for name in own}, own


def torch_model_class() -> type[TorchModel]:
    """The class TorchModel. Raises ValueError where torch, which is optional, is not installed."""
    try:
        from paddle_tsm.parity.model_pair.torch_model import TorchModel
    except ImportError as error:
        raise ValueError(f"parity needs PyTorch ({error}); install it with: {how_to_install('torch')}") from error
    return TorchModel
