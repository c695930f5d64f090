"""What a network makes of one unit in the last place of its weights, over a few training steps in float64."""

from __future__ import annotations

from typing import Any

import torch
from library_pair import LibraryPair

from paddle_tsm.parity.model_pair.compare_models import inputs_of
from paddle_tsm.parity.model_pair.model_copies import TorchSource
from paddle_tsm.parity.model_pair.optimizers import optimizer_pair
from paddle_tsm.parity.model_pair.step_size import small_rate
from paddle_tsm.parity.model_pair.torch_model import TorchModel
from paddle_tsm.parity.steps import compare_steps
from paddle_tsm.training.nudge import nudged_weights


def own_distance(pair: LibraryPair, steps: int) -> float:
    """How far PyTorch's network goes from itself, as `compare_models` trains it, when each weight is moved by one unit
    in the last place: the largest relative difference of any row.
    """
    torch.manual_seed(0)
    source = TorchSource(pair.torch())
    batches: list[Any] = [(inputs_of(pair.inputs, seed), None) for seed in range(steps)]

    def side(tensors: dict[str, Any] | None = None) -> TorchModel:
        return TorchModel(source.new("float64", tensors), optimizer=optimizer_pair().torch)

    lr = small_rate(side(), batches[0][0])
    nudged = nudged_weights(source.tensors, 0, "float64")
    return max(row.max_rel for row in compare_steps(side(), side(nudged), batches, lr).rows)
