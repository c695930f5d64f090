"""The initial weights, drawn from the distributions in `paddle_tsm.networks.initial_distributions`."""

from typing import TypeVar
from zlib import crc32

import numpy as np
import torch

from paddle_tsm.networks.initial_distributions import mean_and_std

Model = TypeVar("Model", bound=torch.nn.Module)


def draw(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """The values of one tensor. The seed and the canonical name seed its generator, so that no other tensor matters."""
    mean, std = mean_and_std(name, shape)
    if std == 0:
        return np.full(shape, mean)
    return np.random.default_rng((seed, crc32(name.encode()))).normal(mean, std, shape)


def draw_initial_weights(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    """Canonical name -> values, which are float32, or int64 for a BatchNorm's step counter.

    shapes: canonical name -> shape. The bits are those of `paddle_tsm.models.initial_weights.draw_initial_weights`.
    Raises ValueError for a tensor of no known kind.
    """
    drawn = {}
    for name, shape in shapes.items():
        counts = name.split(".")[-1] == "num_batches_tracked"
        drawn[name] = draw(name, tuple(shape), seed).astype(np.int64 if counts else np.float32)
    return drawn


def initialise(model: Model, seed: int) -> Model:
    """Give every tensor of `model` the values that `draw_initial_weights` draws for it. Returns the model."""
    tensors = model.state_dict()
    drawn = draw_initial_weights({name: tensor.shape for name, tensor in tensors.items()}, seed)
    model.load_state_dict({name: torch.from_numpy(values) for name, values in drawn.items()})
    return model


def draw_afresh(model: Model) -> Model:
    """Draw every parameter of `model` by PyTorch's generator in its present state. Returns the model."""
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, *mean_and_std(name, parameter.shape))
    return model
