"""The exponential moving average of a network's weights over a training."""

from __future__ import annotations

import contextlib

import numpy as np
import paddle


class MovingAverage:
    """average = decay * average + (1 - decay) * weight after every update; the first update copies the weights.

    Running statistics are not averaged but taken over as they are (mmengine model/averaged_model.py 01857d8,
    `ExponentialMovingAverage` with update_buffers=False).
    """

    def __init__(self, model, decay: float):
        self.decay = decay
        self._weights = dict(model.named_parameters())
        self._averages: dict = {}

    @paddle.no_grad()
    def update(self) -> None:
        for name, weight in self._weights.items():
            if name not in self._averages:
                self._averages[name] = weight.detach().clone()
            else:
                average = self._averages[name]
                paddle.assign(average * self.decay + weight * (1 - self.decay), average)

    @contextlib.contextmanager
    def in_place(self):
        """The model has the averages as its weights inside the block, and its own again behind it."""
        with paddle.no_grad():
            own = {name: self._weights[name].detach().clone() for name in self._averages}
            for name, average in self._averages.items():
                paddle.assign(average, self._weights[name])
            try:
                yield
            finally:
                for name, weight in own.items():
                    paddle.assign(weight, self._weights[name])

    def state(self) -> dict[str, np.ndarray]:
        """name -> array, as Paddle holds it; nothing before the first update."""
        return {name: average.numpy() for name, average in self._averages.items()}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        self._averages = {name: paddle.to_tensor(np.array(array)) for name, array in arrays.items()}
