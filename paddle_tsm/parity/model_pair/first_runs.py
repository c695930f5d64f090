"""Two runs of each model in front of a comparison: what it says where it fails, and whether it repeats itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.model_pair.failures import ModelFailed
from paddle_tsm.parity.model_pair.outputs import named_outputs


def first_runs(run_torch: Callable[[], Any], run_paddle: Callable[[], Any]) -> None:
    """Run both models twice on the same input, in evaluation mode.

    Raises ValueError with what both said where one of them fails on its first call, and for a model that fails on its
    second call, gives nothing or what is no tensor, or gives other values on the second call.
    """
    runs = {"PyTorch": run_torch, "Paddle": run_paddle}
    said, given = {}, {}
    for name, run in runs.items():
        try:
            given[name] = run()
            said[name] = f"{name} ran them"
        except ModelFailed as error:
            said[name] = f"{name} said: {error.reason}"
    if len(given) < len(runs):
        raise ValueError(f"inputs: the models do not both take them. {'. '.join(said.values())}")
    for name, run in runs.items():
        first = outputs_of(name, given[name])
        try:
            second = outputs_of(name, run())
        except ModelFailed as error:
            raise ValueError(
                f"{name}'s model ran once and failed on its second call with the same inputs: {error.reason}"
            ) from error
        refuse_changes(name, first, second)


def outputs_of(name: str, value: Any) -> dict[str, np.ndarray]:
    """A model's outputs. Raises ValueError where there are none, and for what is no array of numbers."""
    found = named_outputs(value)
    if not found:
        raise ValueError(f"{name}'s model gives no output to compare: got {value!r}, wanted a tensor or several")
    for path, array in found.items():
        if array.dtype.kind not in "fiubc":
            raise ValueError(
                f"{name}'s model: {path} is {array.reshape(-1)[:1].tolist()} of {array.dtype}, which is no number; "
                "return tensors, numbers and None, nested in tuples, lists and dicts"
            )
    return found


def refuse_changes(name: str, first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Raise ValueError for a model whose second run differs from its first by more than rounding."""
    for path, array in first.items():
        other = second.get(path)
        if other is not None and other.shape == array.shape:
            if not array.size or np.array_equal(array, other, equal_nan=True):
                continue
            if distance(array, other)[1] < 1e-12:  # sums over several threads
                continue
        raise ValueError(
            f"{name}'s model gives other values when it runs again on the same inputs in evaluation mode (first at "
            f"{path}): it draws random numbers or keeps something from call to call. No seed makes both frameworks draw"
            " the same numbers; take them out for the comparison, or hand them to both models as an input"
        )
