"""The calls of the layers of a model in the order of execution, and a short sketch of the values that went in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.structure import as_array, as_real, leaves

SKETCH = 4  # numbers: enough to tell inputs apart, few enough to keep one of each call


def sketch(value: Any) -> np.ndarray:
    """A few sums of the values with fixed weights, which are the same, but for rounding, for the same values.

    value: arguments of a call. The sums do not depend on the shape, and are relative to the largest magnitude. Masks
    of booleans are left out, because True can mean "keep" in one framework and "leave out" in the other.
    """
    arrays = [as_array(leaf) for leaf in leaves(value).values() if hasattr(leaf, "dtype")]
    flat = [as_real(array).astype("float64").ravel() for array in arrays if array.dtype.kind != "b"]
    values = np.concatenate(flat) if flat else np.zeros(0)
    values = np.where(np.isfinite(values), values, 0)  # a mask may hold minus infinity
    largest = float(np.abs(values).max()) if values.size else 0.0
    angles = np.arange(values.size, dtype="float64")
    sums = [float(values @ np.cos(angles * (0.7 + number))) for number in range(SKETCH)]
    return np.array([largest, values.size, *sums])


def same_sketch(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two sketches are of the same values: to 1e-5 of the largest, times the square root of their number.

    A known difference of the frameworks' constants is 1e-7 in one layer, and several layers add theirs up.
    """
    if a[1] != b[1]:
        return False
    return bool(np.abs(a - b).max() <= 1e-5 * max(a[0], b[0], 1e-300) * max(a[1], 1.0) ** 0.5)


class Watch:
    """Hooks on layers, as a context: before(name, layer, arguments) and after(name, output) for each call."""

    def __init__(
        self,
        layers: dict[str, Any],
        before: Callable[[str, Any, tuple], None] | None = None,
        after: Callable[[str, Any], None] | None = None,
    ):
        self.layers, self.before, self.after = layers, before, after
        self.hooks: list[Any] = []

    def __enter__(self) -> None:
        for name, layer in self.layers.items():
            if self.before:
                self.hooks.append(layer.register_forward_pre_hook(self._before(name), with_kwargs=True))
            if self.after:
                self.hooks.append(self._register_after(name, layer))

    def __exit__(self, *error: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _before(self, name: str) -> Callable:
        def hook(layer: Any, arguments: tuple, named: dict) -> None:
            assert self.before
            self.before(name, layer, (*arguments, *named.values()))

        return hook

    def _register_after(self, name: str, layer: Any) -> Any:
        def hook(layer: Any, arguments: tuple, output: Any) -> None:
            assert self.after
            self.after(name, output)

        register = getattr(layer, "register_forward_post_hook", None) or layer.register_forward_hook
        return register(hook)
