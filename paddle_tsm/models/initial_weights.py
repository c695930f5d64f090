"""Initial weights from mmaction2's distributions, drawn by NumPy, so that both frameworks start from the same ones."""

import zlib
from typing import TypeVar

import numpy as np
import paddle
from paddle import nn

from paddle_tsm.networks.initial_distributions import mean_and_std

Model = TypeVar("Model", bound=nn.Layer)


def draw_initial_weights(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    """Canonical name -> initial values, float32 (int64 for a BatchNorm's step counter).

    shapes: canonical name -> shape in PyTorch's orientation. Every tensor has a generator of its own, which is seeded
    by the seed and the name, so that a tensor's values depend neither on the order nor on the other tensors. Raises
    ValueError for a tensor that no row of DISTRIBUTIONS describes.
    """
    tensors = {}
    for name, shape in shapes.items():
        mean, std = mean_and_std(name, tuple(shape))
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        values = rng.standard_normal(shape) * std if std else np.full(shape, mean)
        tensors[name] = values.astype("int64" if name.endswith("num_batches_tracked") else "float32")
    return tensors


def initialise(model: Model, seed: int) -> Model:
    """Give every tensor of `model` its initial values, which are the same in both packages. Returns the model."""
    layers = model.named_sublayers(include_self=True)
    linear = {f"{name}.weight" for name, layer in layers if isinstance(layer, nn.Linear)}
    state = model.state_dict()
    shapes = {name: tuple(t.shape)[::-1] if name in linear else tuple(t.shape) for name, t in state.items()}
    with paddle.no_grad():
        for name, values in draw_initial_weights(shapes, seed).items():
            values = np.ascontiguousarray(values.T) if name in linear else values
            paddle.assign(paddle.to_tensor(values).astype(state[name].dtype), state[name])
    return model
