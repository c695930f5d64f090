"""What layers took and gave, under names that both frameworks share."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.layer_kinds import paddle_kind
from paddle_tsm.parity.model_pair.sequence_lengths import cut_to_lengths, unpacked
from paddle_tsm.parity.model_pair.structure import as_array, leaves
from paddle_tsm.parity.model_pair.trace import Watch
from paddle_tsm.parity.side import INPUT, See

HIDDEN = -1e8  # a mask adds this or less, mostly minus infinity or -1e9, to what a softmax is to leave out
CHANNELS_LAST = ("NHWC", "NLC", "NDHWC")


class Emitter(Watch):
    """While the context lasts, see(name, array) is called for what each layer takes and gives.

    The name is "conv1: input" or "conv1", of the second call "conv1#2", of the second output "lstm[1]". Channels that a
    layer of Paddle has behind the others are moved in front, as PyTorch has them.
    """

    def __init__(self, layers: dict[str, Any], see: See):
        super().__init__(layers, self.took, self.gave)
        self.see = see
        self.calls: Counter[str] = Counter()
        self.open: dict[str, list[int]] = {}

    def took(self, name: str, layer: Any, arguments: tuple) -> None:
        self.calls[name] += 1
        self.open.setdefault(name, []).append(self.calls[name])
        self.show(name, self.calls[name], INPUT, unpacked(cut_to_lengths(layer, arguments)))

    def gave(self, name: str, output: Any) -> None:
        if paddle_kind(self.layers[name]).name == "lstm_cell":
            output = output[1]  # Paddle's cell puts the output in front of the two states, which PyTorch's gives alone
        self.show(name, self.open[name].pop(), "", unpacked(output))

    @staticmethod
    def label(name: str, call: int, kind: str) -> str:
        """The name of what a layer took (kind INPUT) or gave in this call."""
        return f"{name or 'the model'}{f'#{call}' if call > 1 else ''}{kind}"

    def show(self, name: str, call: int, kind: str, value: Any) -> None:
        label = self.label(name, call, kind)
        last = getattr(self.layers[name], "_data_format", "") in CHANNELS_LAST
        tensors = [leaf for leaf in leaves(value).values() if hasattr(leaf, "dtype")]
        for number, leaf in enumerate(tensors):
            array = as_array(leaf)
            if kind == INPUT and array.dtype.kind == "b":
                continue  # a mask, whose True is "keep" in Paddle's attention and "leave out" in PyTorch's
            if last and array.ndim > 2:
                array = np.moveaxis(array, -1, 1)
            name = f"{label}[{number}]" if number else label
            if kind == INPUT and array.dtype.kind == "f" and (hidden := array <= HIDDEN).any():
                # Both inputs must hide the same places, by whatever number.
                self.see(f"{label}[{number} hidden]", hidden.astype(array.dtype))
                array = np.where(hidden, 0, array)
            self.see(name, array)
