"""Initial weights with mmaction2's distributions, drawn in NumPy so that both frameworks start from the same ones."""

import math
import re
import zlib
from dataclasses import dataclass
from typing import Callable

import numpy as np
import paddle
from paddle import nn


def zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape)


def ones(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.ones(shape)


def kaiming_fan_out(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal with the variance 2 / (out_channels * kernel size), depthwise or not (arXiv:1502.01852)."""
    return rng.standard_normal(shape) * math.sqrt(2 / (shape[0] * math.prod(shape[2:])))


def classifier(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal with the standard deviation 0.001 (mmaction2 heads/tsm_head.py 4d6c934 `init_std`)."""
    return rng.standard_normal(shape) * 0.001


def projection(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal with the standard deviation 0.01 (mmcv cnn/bricks/non_local.py a8073c7 `init_weights`)."""
    return rng.standard_normal(shape) * 0.01


@dataclass(frozen=True)
class Distribution:
    """How the tensors are drawn whose canonical name matches `pattern` and whose number of axes is in `axes`."""

    pattern: str
    axes: tuple[int, ...]
    draw: Callable


# The first row that fits counts. mmaction2 backbones/resnet.py, mobilenet_v2.py 4d6c934 `init_weights`; BatchNorm's
# scale is 1, also in the last of a block, but for a non-local block's.
TABLE = (
    Distribution(r".*num_batches_tracked", (0,), zeros),
    Distribution(r".*running_mean", (1,), zeros),
    Distribution(r".*running_var", (1,), ones),
    Distribution(r".*bias", (1,), zeros),
    Distribution(r".*non_local\.norm\.weight", (1,), zeros),  # a non-local block starts as the identity
    Distribution(r".*non_local\.(g|theta|phi)\.weight", (5,), projection),
    Distribution(r".*weight", (1,), ones),
    Distribution(r".*weight", (2,), classifier),
    Distribution(r".*weight", (4, 5), kaiming_fan_out),
)


def draw_initial_weights(shapes: dict, seed: int) -> dict[str, np.ndarray]:
    """Canonical name -> float32 array (int64 for a BatchNorm's step counter), for names with shapes as PyTorch's.

    Every tensor has a generator of its own, seeded by the seed and the name, so that neither the order nor the other
    tensors matter. Raises ValueError for a tensor that no row of the table describes.
    """
    tensors = {}
    for name, shape in shapes.items():
        row = next((row for row in TABLE if re.fullmatch(row.pattern, name) and len(shape) in row.axes), None)
        if row is None:
            raise ValueError(f"{name}: no initial distribution for {list(shape)}; wanted a row of the table that fits")
        values = row.draw(np.random.default_rng([seed, zlib.crc32(name.encode())]), tuple(shape))
        tensors[name] = values.astype("int64" if name.endswith("num_batches_tracked") else "float32")
    return tensors


def initialise(model, seed: int):
    """Give every tensor of `model` its initial value; the same in both packages. Returns the model."""
    layers = model.named_sublayers(include_self=True)
    linear = {f"{name}.weight" for name, layer in layers if isinstance(layer, nn.Linear)}
    state = model.state_dict()
    shapes = {name: tuple(t.shape)[::-1] if name in linear else tuple(t.shape) for name, t in state.items()}
    with paddle.no_grad():
        for name, values in draw_initial_weights(shapes, seed).items():
            values = np.ascontiguousarray(values.T) if name in linear else values
            paddle.assign(paddle.to_tensor(values).astype(state[name].dtype), state[name])
    return model
