"""A checkpoint's model in Paddle, run operation by operation, as the exported networks are run."""

from __future__ import annotations

from threading import Lock

import numpy as np
import paddle

from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.models.create import build
from paddle_tsm.models.layers.convolution import fix_weights
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.stream import step_from_file


class EagerClips:
    """Whole clips. Threads may share one object: they share nothing but the weights, which are only read."""

    def __init__(self, found: NetworkFile):
        self.network, tensors = found.as_asked()
        model = assign_weights(build(self.network), tensors)
        model.eval()
        fix_weights(model)
        self._run = run_of(model)

    def run(self, frames: np.ndarray) -> np.ndarray:
        """frames: [N*T, 3, H, W] -> logits [N, K]."""
        return self._run(frames)

    def clone(self) -> EagerClips:
        return self


class EagerStream:
    """A stream, a frame at a time. The model holds the cache while it runs, so clones, which are one object, take
    turns. Raises ValueError for a network that needs frames of the future.
    """

    def __init__(self, found: NetworkFile):
        self._step, self._turn = step_from_file(found), Lock()
        fix_weights(self._step)
        self.network = self._step.network

    def step(self, frame: np.ndarray, cache: tuple) -> tuple[np.ndarray, tuple]:
        """frame: [N, 3, H, W] -> the logits [N, K] and the next cache, tensors of Paddle."""
        with self._turn, paddle.no_grad():
            logits, *following = self._step(paddle.to_tensor(frame), *cache)
            return logits.numpy(), tuple(following)

    def clone(self) -> EagerStream:
        return self
