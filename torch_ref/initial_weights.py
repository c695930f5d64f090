"""The weights that a network starts from, drawn from the distributions of `paddle_tsm.networks.initial_distributions`."""

from zlib import crc32

import numpy as np
import torch

from paddle_tsm.networks.initial_distributions import mean_and_std


def draw(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """One tensor's values. Its generator is seeded by the seed and its canonical name: no other tensor matters."""
    mean, std = mean_and_std(name, shape)
    if std == 0:
        return np.full(shape, mean)
    return np.random.default_rng((seed, crc32(name.encode()))).normal(mean, std, shape)


def draw_initial_weights(shapes: dict, seed: int) -> dict[str, np.ndarray]:
    """Canonical name -> values: float32, and int64 for the step counter of a BatchNorm. shapes: canonical name -> shape.

    The same bits as `paddle_tsm.initial_weights.draw_initial_weights`. Raises ValueError for a tensor of no known kind.
    """
    return {
        name: draw(name, tuple(shape), seed).astype("float32" if name.split(".")[-1] != "num_batches_tracked" else "int64")
        for name, shape in shapes.items()
    }


def initialise(model, seed: int):
    """Give every tensor of `model` the values that `draw_initial_weights` draws for it. Returns the model."""
    tensors = model.state_dict()
    drawn = draw_initial_weights({name: tensor.shape for name, tensor in tensors.items()}, seed)
    model.load_state_dict({name: torch.from_numpy(values) for name, values in drawn.items()})
    return model


def draw_afresh(model):
    """Draw every parameter of `model` by PyTorch's generator, as `torch.manual_seed` has left it. Returns the model."""
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, *mean_and_std(name, parameter.shape))
    return model
