"""Paddle's model run so that every layer gets PyTorch's input and hands PyTorch's output on.

What then differs is wrong by itself, and not because something in front of it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle

from paddle_tsm.parity.model_pair.structure import map_leaves
from paddle_tsm.parity.model_pair.watched import CHANNELS_LAST, INPUT, Emitter
from paddle_tsm.parity.side import See


class Forcing(Emitter):
    """Shows what each layer of Paddle took and gave, and then puts PyTorch's arrays in its place.

    arrays: PyTorch's, by the names that are shown. What has no array of its shape there stays as it is.
    """

    def __init__(self, layers: dict[str, Any], see: See, arrays: dict[str, np.ndarray]):
        super().__init__(layers, see)
        self.arrays = arrays

    def __enter__(self) -> None:
        for name, layer in self.layers.items():
            self.hooks.append(layer.register_forward_pre_hook(self._before(name), with_kwargs=True))
            self.hooks.append(layer.register_forward_post_hook(self._forced_output(name)))

    def _before(self, name: str) -> Callable:
        def hook(layer: Any, arguments: tuple, named: dict) -> tuple[tuple, dict]:
            self.took(name, layer, (*arguments, *named.values()))
            label = self.label(name, self.calls[name], INPUT)
            forced = self.forced(name, label, (*arguments, *named.values()))
            return tuple(forced[: len(arguments)]), dict(zip(named, forced[len(arguments) :]))

        return hook

    def _forced_output(self, name: str) -> Callable:
        def hook(layer: Any, arguments: tuple, output: Any) -> Any:
            label = self.label(name, self.open[name][-1], "")
            self.gave(name, output)
            return self.forced(name, label, output)

        return hook

    def forced(self, name: str, label: str, value: Any) -> Any:
        """The value with PyTorch's arrays for its tensors."""
        last = getattr(self.layers[name], "_data_format", "") in CHANNELS_LAST
        count = 0

        def replaced(leaf: Any) -> Any:
            nonlocal count
            if not isinstance(leaf, paddle.Tensor):
                return leaf
            array = self.arrays.get(f"{label}[{count}]" if count else label)
            count += 1
            if array is None:
                return leaf
            if last and array.ndim > 2:
                array = np.moveaxis(array, 1, -1)
            if array.shape != tuple(leaf.shape):
                return leaf
            return paddle.to_tensor(np.ascontiguousarray(array)).astype(leaf.dtype)

        return map_leaves(replaced, value)
