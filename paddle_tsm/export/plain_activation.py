"""Leaky ReLU in operators that Paddle Inference can fuse."""

from __future__ import annotations

import contextlib

import paddle
from paddle.nn import functional as F


def leaky_relu(x):
    """max(x, 0.01 x). Paddle Inference 3.3.1 ends with a segmentation fault where it fuses a leaky ReLU into a
    convolution: its conv_activation_onednn_fuse_pass reads the slope as a float32, and the graph holds a float64.
    """
    return paddle.maximum(x, x * 0.01)


@contextlib.contextmanager
def plain_activations(model):
    """Inside the block the model's leaky ReLUs are written as above."""
    layers = [layer for layer in model.sublayers(include_self=True) if getattr(layer, "act", None) is F.leaky_relu]
    for layer in layers:
        layer.act = leaky_relu
    try:
        yield
    finally:
        for layer in layers:
            layer.act = F.leaky_relu
