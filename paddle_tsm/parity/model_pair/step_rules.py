"""What surrounds the training steps of a model of any pair, in one framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from paddle_tsm.parity.model_pair.dropout_masks import Draws


@dataclass
class StepRules:
    """rate: a function (step, from 0) to the learning rate; None leaves the optimizer's. scheduler: a function
    (optimizer) to a scheduler, or None. clip: the largest norm of all gradients together, or None. draws: the masks of
    dropout. in_evaluation: the names of the layers that stay in evaluation mode. say: called with a sentence that the
    report shows.
    """

    rate: Callable[[int], float] | None = None
    scheduler: Callable[[Any], Any] | None = None
    clip: float | None = None
    draws: Draws = field(default_factory=Draws)
    in_evaluation: frozenset[str] = frozenset()
    say: Callable[[str], None] = lambda sentence: None


def layers_in_evaluation(model: Any, named_layers: Any) -> frozenset[str]:
    """The layers that the caller set to evaluation mode inside a model that is in training mode itself.

    A model in evaluation mode as a whole is one that the caller has not set up for training: all of it is trained.
    """
    if not model.training:
        return frozenset()
    return frozenset(name for name, layer in named_layers if not layer.training)
