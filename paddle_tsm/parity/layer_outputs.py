"""The outputs of every layer of two networks on one input, compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare
from paddle_tsm.parity.side import Side, layer_of_value

NOT_RUN = "does not run this layer as often"


def compare_layers(
    reference: Side,
    other: Side,
    inputs: Any,
    limit: float,
    train: bool = False,
    exchanged: dict[str, ComparisonRow] | None = None,
) -> list[ComparisonRow]:
    """A row for all that `Side.watch_layers` shows of both sides, in the reference's order of execution.

    train: in training mode, which changes the sides' BatchNorm statistics. exchanged: takes, for each row that fails
    and passes with the other side's first two axes exchanged, the row that passes.

    What only one side shows has a row that does not pass, unless it is another member of a tuple than the first: a
    layer may return more in one framework.
    """
    outputs: dict[str, np.ndarray] = {}
    reference.watch_layers(inputs, outputs.__setitem__, train)
    order, rows, only = list(outputs), {}, []

    def compare_output(name: str, output: np.ndarray) -> None:
        if name in outputs:
            array = outputs.pop(name)  # pop: each output is freed as soon as it can be
            if not name.endswith("]") or array.shape == output.shape:
                rows[name] = compare(name, array, output, limit)
                if exchanged is not None and not rows[name].passed and output.ndim > 2:
                    again = compare(name, array, output.swapaxes(0, 1), limit)
                    if again.passed:
                        exchanged[name] = again
        else:
            only.append(name)

    other.watch_layers(inputs, compare_output, train)
    for name in [*outputs, *only]:
        if not name.endswith("]"):
            rows[name] = not_run(name, reference.name if name in only else other.name, limit)
    return [rows[name] for name in [*order, *only] if name in rows]


def not_run(name: str, framework: str, limit: float) -> ComparisonRow:
    """The row of a value that the model of this framework does not have."""
    infinite = float("inf")
    return ComparisonRow(name, "", (), infinite, infinite, limit, f"{framework} {NOT_RUN}")


def without_order_of_axes(rows: list[ComparisonRow], exchanged: dict[str, ComparisonRow]) -> list[ComparisonRow]:
    """The rows, all of which pass where exchanged axes are the only difference of the layers; else as they are.

    PyTorch's attention and recurrent layers take [time, batch, ...] unless told, Paddle's [batch, time, ...]. Between
    the transpositions that this needs, every layer has its first two axes in the other order.
    """
    if all(row.passed or row.name in exchanged for row in rows):
        return [exchanged.get(row.name, row) for row in rows]
    return rows


def only_called_elsewhere(rows: list[ComparisonRow]) -> list[str]:
    """The layers that only one side calls, where this is the only difference of all layers; else none.

    A model may use a layer's weights in a function (`F.linear(x, self.fc.weight)`) where the other calls the layer.
    """
    failed = [row for row in rows if not row.passed]
    if any(not row.problem.endswith(NOT_RUN) for row in failed):
        return []
    return list(dict.fromkeys(layer_of_value(row.name) for row in failed))


def first_difference(
    reference: Side, other: Side, inputs: Any, limit: float, train: bool = False
) -> ComparisonRow | None:
    """The row of the first layer, in forward order, whose output differs by more than `limit`; None where none does."""
    return next((row for row in compare_layers(reference, other, inputs, limit, train) if not row.passed), None)


def layer_errors(reference: Side, other: Side, inputs: Any) -> dict[str, float]:
    """Layer with weights -> relative difference of its output on the inputs, in forward order."""
    return {row.name: row.max_rel for row in compare_layers(reference, other, inputs, limit=0.0)}
