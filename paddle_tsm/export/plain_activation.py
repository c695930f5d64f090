"""Leaky ReLU in operators that Paddle Inference can fuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F


def leaky_relu(x: Tensor) -> Tensor:
    """max(x, 0.01 x).

    Paddle Inference 3.3.1 ends with a segmentation fault where it fuses a leaky ReLU into a convolution: its
    conv_activation_onednn_fuse_pass reads the slope as a float32, and the graph holds a float64.
    """
    return paddle.maximum(x, x * 0.01)


@contextmanager
def plain_activations(model: nn.Layer) -> Iterator[None]:
    """Inside the `with` block the model's leaky ReLUs are this module's `leaky_relu`."""
    layers = [layer for layer in model.sublayers(include_self=True) if getattr(layer, "act", None) is F.leaky_relu]
    for layer in layers:
        layer.act = leaky_relu
    try:
        yield
    finally:
        for layer in layers:
            layer.act = F.leaky_relu
