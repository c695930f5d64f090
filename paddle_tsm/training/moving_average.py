"""The exponential moving average of a network's weights over a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import paddle
from paddle import nn


class MovingAverage:
    """average = decay * average + (1 - decay) * weight after each update; after the first update it is the weight.

    Running statistics are not averaged: the averaged network has the model's own (mmengine model/averaged_model.py
    01857d8, `ExponentialMovingAverage` with update_buffers=False).
    """

    def __init__(self, model: nn.Layer, decay: float):
        self.decay = decay
        self._weights = dict(model.named_parameters())
        self._averages: dict[str, paddle.Tensor] = {}

    @paddle.no_grad()
    def update(self) -> None:
        """Take the weights after an update into the average."""
        for name, weight in self._weights.items():
            if name not in self._averages:
                self._averages[name] = weight.detach().clone()
            else:
                average = self._averages[name]
                paddle.assign(average * self.decay + weight * (1 - self.decay), average)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside the block the model has the averages as its weights; after it the model has its own again."""
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
        """Paddle's name of each weight -> its average, in Paddle's shape. It is empty before the first update."""
        return {name: average.numpy() for name, average in self._averages.items()}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over what `state` returned."""
        self._averages = {name: paddle.to_tensor(np.array(array)) for name, array in arrays.items()}
