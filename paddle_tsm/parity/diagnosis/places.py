"""Where two models differ, each place by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare
from paddle_tsm.parity.layer_outputs import not_run
from paddle_tsm.parity.model_pair.failures import ModelFailed
from paddle_tsm.parity.model_pair.outputs import named_outputs

if TYPE_CHECKING:
    from paddle_tsm.parity.diagnosis.torch_calls import Record
    from paddle_tsm.parity.model_pair.paddle_model import PaddleModel


@dataclass(frozen=True)
class Place:
    """A value that differs although all in front of it is the same. row: how. array: Paddle's, or None."""

    row: ComparisonRow
    array: np.ndarray | None = None

    @property
    def label(self) -> str:
        """The value's name: "conv2: input", "conv2", "output"."""
        return self.row.name


def wrong_places(record: Record, side: PaddleModel, inputs: Any, limit: float, train: bool = False) -> list[Place]:
    """What differs by itself in Paddle's model, in PyTorch's order, when every layer gets PyTorch's input."""
    from paddle_tsm.parity.diagnosis.paddle_forced import Forcing

    found: dict[str, Place] = {}
    seen: set[str] = set()

    def see(label: str, array: np.ndarray) -> None:
        seen.add(label)
        own = record.arrays.get(label)
        if own is None:
            if not label.endswith("]"):
                found[label] = Place(not_run(label, "PyTorch", limit))
        elif not label.endswith("]") or own.shape == array.shape:
            row = compare(label, own, array, limit)
            if not row.passed:
                found[label] = Place(row, array)

    side.set_mode(train)
    finished = True
    try:
        with Forcing(side.watched, see, record.arrays):
            given = side.run(inputs)
        for label, array in named_outputs(given).items():
            see(label, array)
    except ModelFailed:
        finished = False  # a value of another shape stops the rest
    side.model.eval()
    order = {label: number for number, label in enumerate(record.arrays)}
    if finished:
        for label in order:
            if label not in seen and not label.endswith("]"):
                found[label] = Place(not_run(label, side.name, limit))
    return sorted(found.values(), key=lambda place: order.get(place.label, len(order)))
