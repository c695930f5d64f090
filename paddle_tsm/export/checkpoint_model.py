"""The checkpoint's network in Paddle, built once, and changed for a while into what else an export is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import numpy as np
from paddle import nn

from paddle_tsm.models.create import build
from paddle_tsm.models.layers.shift import Shift
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.network import Network


class CheckpointModel:
    """network: the checkpoint's; tensors: its canonical tensors. `float32` and `float64` are the network in these
    types, in evaluation mode; the second is built when it is first used.
    """

    def __init__(self, network: Network, tensors: dict[str, np.ndarray]):
        self.network, self.tensors = network, tensors
        self.float32 = self._built("float32")

    @cached_property
    def float64(self) -> Recognizer:
        return self._built("float64")

    def _built(self, dtype: str) -> Recognizer:
        model = assign_weights(build(self.network).to(dtype=dtype), self.tensors)
        model.eval()
        return model


@contextmanager
def zero_biases(*layers: nn.Layer) -> Iterator[None]:
    """Inside the block every bias and every running mean of the layers is zero."""
    suffixes = (".bias", ".running_mean")
    tensors = [t for layer in layers for name, t in layer.state_dict().items() if name.endswith(suffixes)]
    kept = [np.array(tensor.numpy()) for tensor in tensors]
    try:
        for tensor, array in zip(tensors, kept):
            tensor.set_value(np.zeros_like(array))
        yield
    finally:
        for tensor, array in zip(tensors, kept):
            tensor.set_value(array)


@contextmanager
def other_shift(model: Recognizer, order: str | None) -> Iterator[None]:
    """Inside the block the model shifts in another order (see `Network.shift_order`); None: not at all."""
    blocks = [layer for layer in model.sublayers() if isinstance(getattr(layer, "shift", None), Shift)]
    kept = [block.shift for block in blocks]
    try:
        for block, shift in zip(blocks, kept):
            block.shift = order and Shift(shift.num_segments, shift.shift_div, order)
        yield
    finally:
        for block, shift in zip(blocks, kept):
            block.shift = shift
