"""The layers with tensors of one model, and when they are called."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from paddle_tsm.parity.model_pair.layer_tensors import TensorLayer


@dataclass
class Calls:
    """The layers with tensors of one model, in the order of their first call, those that are never called at the end.

    sketches: layer -> the sketch of its first input.
    """

    layers: list[TensorLayer]
    sketches: dict[str, np.ndarray] = field(default_factory=dict)

    def order(self) -> dict[str, int]:
        """Layer -> its place in the order of first calls; a layer that is never called has none."""
        return {name: number for number, name in enumerate(self.sketches)}

    def owner(self, full: str) -> tuple[TensorLayer, str] | None:
        """The layer that has the tensor of this full name, and the tensor's name in it; None where none has."""
        return next(
            ((layer, name) for layer in self.layers for name, own in layer.full_names().items() if own == full), None
        )

    def drop(self, layer: TensorLayer, tensor: str) -> None:
        """Take a tensor out of a layer's list, and the layer out of the model's where it has no other."""
        for table in (layer.shapes, layer.names, layer.parts):
            table.pop(tensor, None)
        if not layer.shapes:
            self.layers = [found for found in self.layers if found is not layer]
