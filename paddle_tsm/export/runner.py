"""What every engine has in common: it takes a graph's inputs, checks their shapes, and returns the outputs."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from paddle_tsm.export.io_spec import FIRST_INPUT


class Runner:
    """An exported network on the CPU: `run(frames)` for whole clips, `step(frame, cache)` for one step of a stream.

    path: what messages call it. inputs: name -> shape behind the first axis, in the graph's order. outputs: names, in
    order. multiple: the first axis is a multiple of so many frames, those of a clip; None where the files do not say.
    An engine gives `compute`, and its own `clone` where an object is for one thread only.
    """

    path: str
    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    multiple: int | None

    def compute(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """The outputs in order. arrays: the inputs in order, contiguous and float32."""
        raise NotImplementedError

    def clone(self) -> Runner:
        """Another object, for another thread, with the same weights in the same memory."""
        return copy.copy(self)

    @property
    def streams(self) -> bool:
        """Whether this is one step of a stream."""
        return FIRST_INPUT["stream"] in self.inputs

    def run(self, frames: np.ndarray) -> np.ndarray:
        """frames: float [N*T, 3, H, W] -> logits float32 [N, K]. Raises ValueError for another shape."""
        if self.streams:
            raise ValueError(f"{self.path}: holds one step of a stream, wanted a network of clips; use step()")
        return self._checked([frames])[0]

    def step(self, frame: np.ndarray, cache: Sequence[np.ndarray] = ()) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """frame: float [N, 3, H, W], the next one of each of N streams. cache: what the step before returned, or
        nothing for a first frame. Returns the logits, float32 [N, K], and the next cache. Raises ValueError for another
        shape.
        """
        if not self.streams:
            raise ValueError(f"{self.path}: holds a network of clips, wanted one step of a stream; use run()")
        shapes = list(self.inputs.values())[1:]
        cache = list(cache) or [np.zeros((len(frame), *shape), "float32") for shape in shapes]
        if len(cache) != len(shapes):
            raise ValueError(f"cache: got {len(cache)} tensors, wanted {len(shapes)}")
        logits, *following = self._checked([frame, *cache])
        return logits, tuple(following)

    def _checked(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        arrays = [np.ascontiguousarray(array, "float32") for array in arrays]
        rows, multiple = arrays[0].shape[:1], self.multiple or 1
        for (name, shape), array in zip(self.inputs.items(), arrays, strict=True):
            if array.shape != (*rows, *shape) or rows == (0,) or rows[0] % multiple:
                first = f"a multiple of {multiple}" if multiple > 1 else "N"
                wanted = ", ".join(map(str, (first, *shape)))
                raise ValueError(f"{name}: got shape {list(array.shape)}, wanted [{wanted}]")
        return self.compute(arrays)
