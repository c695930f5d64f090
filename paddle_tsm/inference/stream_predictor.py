"""`StreamPredictor`: one object that runs a causal network a frame at a time, whatever it was saved as."""

from __future__ import annotations

import os

import numpy as np

from paddle_tsm.inference.opening import OpenedNetwork, open_network


class StreamPredictor(OpenedNetwork):
    """`StreamPredictor(path).step(frame)` for one frame after the other, `reset()` for a new video.

    path: a checkpoint of a causal network, or a folder that `paddle-tsm export --stream` wrote. threads: those of one
    step; None: as many as processors. engine: "dygraph" (the model in Paddle) or the name of an export's target; None:
    "dygraph" for a checkpoint, and a folder's own. A checkpoint for another engine than "dygraph" is exported to a
    temporary folder first. options: those of `load_stream`, for a checkpoint; where it is exported, also `size`, the
    height and width of its frames, if it is not the one that the file records.

    One object is for one thread and one video at a time; `clone()` gives another one, which remembers nothing. Raises
    ValueError, in one line, for a path or a combination that does not exist.
    """

    def __init__(self, path: str | os.PathLike, threads: int | None = None, engine: str | None = None, **options):
        super().__init__(open_network(path, "stream", engine, "float32", threads, options))
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next frame is a first one."""
        self._shape: tuple[int, ...] | None = None
        self._cache: tuple = ()

    def step(self, frame: np.ndarray) -> np.ndarray:
        """frame: float [N, 3, H, W], the next one of each of N streams. Returns its logits, float32 [N, classes].

        Raises ValueError for a frame of another shape, and for one that differs in shape from the frame before it.
        """
        self._opened.check(frame, "N")
        if self._shape not in (None, frame.shape):
            raise ValueError(
                f"frame: got shape {list(frame.shape)} after {list(self._shape)}; reset() before another video"
            )
        logits, self._cache = self._opened.runner.step(np.ascontiguousarray(frame, "float32"), self._cache)
        self._shape = frame.shape
        return logits

    def clone(self) -> StreamPredictor:
        """Another one, for another thread or video, with the same weights in the same memory and no past."""
        other = super().clone()
        other.reset()
        return other
