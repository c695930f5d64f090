"""The layers of paddle.nn and their twins of torch.nn: single layers, recurrent networks, attention, Transformers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import paddle
import torch
from library_pair import Inputs, LibraryPair, indices, normal
from paddle import nn as pd
from torch import nn as pt

LINEAR = "Paddle's weight is [in, out]"


def layer_pairs() -> list[LibraryPair]:
    """Every pair of layers."""
    return [*convolutions(), *matrices(), *norms(), *cells(), *recurrent(), *attention(), *transformers()]


def convolutions() -> list[LibraryPair]:
    """Convolutions of one to three dimensions, with groups, stride, dilation and padding."""
    found = []
    options: dict[str, Any] = {"stride": 2, "padding": 1, "groups": 2}
    transposed = options | {"output_padding": 1}
    for n in (1, 2, 3):
        inputs = normal((2, 4) + (7,) * n)
        a, b = getattr(pt, f"Conv{n}d"), getattr(pd, f"Conv{n}D")
        found.append(LibraryPair(f"Conv{n}d", partial(a, 4, 6, 3, **options), partial(b, 4, 6, 3, **options), inputs))
        a, b = getattr(pt, f"ConvTranspose{n}d"), getattr(pd, f"Conv{n}DTranspose")
        pair = partial(a, 4, 6, 3, **transposed), partial(b, 4, 6, 3, **transposed)
        found.append(LibraryPair(f"ConvTranspose{n}d", *pair, inputs))
    a = partial(pt.Conv2d, 4, 4, 3, dilation=2, groups=4, bias=False)
    b = partial(pd.Conv2D, 4, 4, 3, dilation=2, groups=4, bias_attr=False)
    return [*found, LibraryPair("Conv2d, depthwise, dilated", a, b, normal((2, 4, 9, 9)))]


def matrices() -> list[LibraryPair]:
    """Layers that multiply by a matrix or look up in one, and PReLU."""
    ids, rows = indices(7, (3, 5)), normal((4, 5))
    own_word = ("Paddle calls the weight `_weight`",)
    flat_bias = ("Paddle's bias is [1, out]",)
    kept = ("it keeps PyTorch's weight [out, in]",)
    zero_row = (
        "Paddle gives zeros for padding_idx, PyTorch the row of the weight, which only starts as zeros",
        "neither gives that row a gradient",
    )
    return [
        LibraryPair("Linear", partial(pt.Linear, 5, 3), partial(pd.Linear, 5, 3), rows, differs=(LINEAR,)),
        LibraryPair("Linear, square", partial(pt.Linear, 5, 5), partial(pd.Linear, 5, 5), rows, differs=(LINEAR,)),
        LibraryPair(
            "paddle.compat.nn.Linear, square",
            partial(pt.Linear, 5, 5),
            partial(paddle.compat.nn.Linear, 5, 5),
            rows,
            differs=kept,
        ),
        LibraryPair(
            "Bilinear",
            partial(pt.Bilinear, 3, 4, 5),
            partial(pd.Bilinear, 3, 4, 5),
            normal((6, 3), (6, 4)),
            differs=flat_bias,
        ),
        LibraryPair("Embedding", partial(pt.Embedding, 7, 4), partial(pd.Embedding, 7, 4), ids),
        LibraryPair(
            "Embedding, padding_idx",
            partial(pt.Embedding, 7, 4, padding_idx=2),
            partial(pd.Embedding, 7, 4, padding_idx=2),
            ids,
            differs=zero_row,
        ),
        LibraryPair("PReLU", partial(pt.PReLU, 4), partial(pd.PReLU, 4), normal((2, 4, 3, 3)), differs=own_word),
    ]


def norms() -> list[LibraryPair]:
    """Normalisations."""
    scale = ("Paddle calls the weight `scale`, and has it by default",)
    flat = ("Paddle's weight and bias are flat",)
    found = []
    for n in (1, 2, 3):
        inputs = normal((4, 6) + (5,) * n)
        a, b = getattr(pt, f"BatchNorm{n}d"), getattr(pd, f"BatchNorm{n}D")
        found.append(LibraryPair(f"BatchNorm{n}d", partial(a, 6), partial(b, 6), inputs))
        a, b = getattr(pt, f"InstanceNorm{n}d"), getattr(pd, f"InstanceNorm{n}D")
        found.append(LibraryPair(f"InstanceNorm{n}d", partial(a, 6, affine=True), partial(b, 6), inputs, differs=scale))
    rows, square = normal((8, 6)), normal((3, 5, 6))
    return [
        *found,
        LibraryPair("BatchNorm1d, [N, C]", partial(pt.BatchNorm1d, 6), partial(pd.BatchNorm1D, 6), rows),
        LibraryPair("LayerNorm [6]", partial(pt.LayerNorm, 6), partial(pd.LayerNorm, 6), square),
        LibraryPair(
            "LayerNorm [5, 6]", partial(pt.LayerNorm, [5, 6]), partial(pd.LayerNorm, [5, 6]), square, differs=flat
        ),
        LibraryPair("GroupNorm", partial(pt.GroupNorm, 3, 6), partial(pd.GroupNorm, 3, 6), normal((2, 6, 4, 4))),
    ]


def cells() -> list[LibraryPair]:
    """One step of a recurrent network."""
    differs = ("Paddle returns (output, states), PyTorch the states",)
    twins = {"RNNCell": "SimpleRNNCell", "GRUCell": "GRUCell", "LSTMCell": "LSTMCell"}
    return [
        LibraryPair(
            name,
            partial(first_of_torch, getattr(pt, name), 4, 3),
            partial(first_of_paddle, getattr(pd, twin), 4, 3),
            normal((5, 4)),
            differs=differs,
        )
        for name, twin in twins.items()
    ]


class OnlyFirst(pt.Module):
    """The first of what a layer returns, or the only one."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, *inputs):
        given = self.layer(*inputs)
        return given if isinstance(given, torch.Tensor) else given[0]


class OnlyFirstPaddle(pd.Layer):
    """The first of what a layer returns, or the only one."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, *inputs):
        given = self.layer(*inputs)
        return given if isinstance(given, paddle.Tensor) else given[0]


def first_of_torch(layer: Callable[..., pt.Module], *arguments: int, **options: Any) -> pt.Module:
    """A layer of PyTorch of which only the first result counts."""
    return OnlyFirst(layer(*arguments, **options))


def first_of_paddle(layer: Callable[..., pd.Layer], *arguments: int, **options: Any) -> pd.Layer:
    """A layer of Paddle of which only the first result counts."""
    return OnlyFirstPaddle(layer(*arguments, **options))


def recurrent() -> list[LibraryPair]:
    """Recurrent networks of two layers, in one direction and in both, with their final states."""
    differs = ("Paddle has the batch in front unless time_major=True",)
    found = []
    for name, a, b in (("LSTM", pt.LSTM, pd.LSTM), ("GRU", pt.GRU, pd.GRU), ("RNN", pt.RNN, pd.SimpleRNN)):
        for both in (False, True):
            direction = "bidirect" if both else "forward"
            found.append(
                LibraryPair(
                    f"{name}, 2 layers{', bidirectional' if both else ''}",
                    partial(a, 4, 3, num_layers=2, batch_first=True, bidirectional=both),
                    partial(b, 4, 3, num_layers=2, direction=direction),
                    normal((2, 5, 4)),
                    differs=differs,
                )
            )
    return found


def attention() -> list[LibraryPair]:
    """Multi-head attention, and that with keys and values of other sizes."""
    packed = "PyTorch packs the three projections into one tensor"
    tuples = "PyTorch also returns the weights of attention"
    same = normal((2, 5, 8), (2, 6, 8), (2, 6, 8))
    torch_options: dict[str, Any] = {"batch_first": True}
    sizes: dict[str, Any] = {"kdim": 6, "vdim": 4}
    return [
        LibraryPair(
            "MultiheadAttention",
            partial(first_of_torch, pt.MultiheadAttention, 8, 2, **torch_options),
            partial(pd.MultiHeadAttention, 8, 2),
            same,
            differs=(packed, LINEAR, tuples),
        ),
        LibraryPair(
            "MultiheadAttention, kdim, vdim",
            partial(first_of_torch, pt.MultiheadAttention, 8, 2, **torch_options, **sizes),
            partial(pd.MultiHeadAttention, 8, 2, **sizes),
            normal((2, 5, 8), (2, 6, 6), (2, 6, 4)),
            differs=(LINEAR, tuples),
        ),
        LibraryPair(
            "paddle.compat.nn.MultiheadAttention",
            partial(pt.MultiheadAttention, 8, 2, **torch_options),
            partial(paddle.compat.nn.MultiheadAttention, 8, 2, **torch_options),
            same,
            differs=("it keeps PyTorch's packed weight",),
        ),
    ]


def transformers() -> list[LibraryPair]:
    """Encoder, decoder and the whole, in both orders of normalisation; the first two with a causal mask."""
    found = []
    for first in (False, True):
        words = "norm first" if first else "norm last"
        a: dict[str, Any] = {"dropout": 0.0, "batch_first": True, "norm_first": first}
        b: dict[str, Any] = {"dropout": 0.0, "normalize_before": first}
        found += [
            LibraryPair(
                f"TransformerEncoder, {words}",
                partial(torch_encoder, a),
                partial(stacked, pd.TransformerEncoder, pd.TransformerEncoderLayer, b),
                causal((2, 5, 8)),
            ),
            LibraryPair(
                f"TransformerDecoder, {words}",
                partial(stacked, pt.TransformerDecoder, pt.TransformerDecoderLayer, a),
                partial(stacked, pd.TransformerDecoder, pd.TransformerDecoderLayer, b),
                causal((2, 5, 8), (2, 6, 8)),
                differs=("Paddle calls `multihead_attn` `cross_attn`",),
            ),
            LibraryPair(
                f"Transformer, {words}",
                partial(pt.Transformer, 8, 2, 2, 2, 16, **a),
                partial(pd.Transformer, 8, 2, 2, 2, 16, **b),
                normal((2, 6, 8), (2, 5, 8)),
            ),
        ]
    return found


def stacked(container: Callable[..., Any], layer: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Two layers of either library in their container: width 8, two heads, 16 hidden units."""
    return container(layer(8, 2, 16, **options), 2)


def torch_encoder(options: dict[str, Any]) -> pt.Module:
    """PyTorch's encoder of two layers, without nested tensors, which it would only warn of."""
    return pt.TransformerEncoder(pt.TransformerEncoderLayer(8, 2, 16, **options), 2, enable_nested_tensor=False)


def causal(target: tuple[int, ...], *memory: tuple[int, ...]) -> Inputs:
    """A sequence, the encoder's output where there is one, and a causal mask of 0 and minus infinity."""

    def make(seed: int) -> tuple[np.ndarray, ...]:
        mask = np.triu(np.full((target[1], target[1]), -np.inf), 1)
        return *normal(target, *memory)(seed), mask

    return make
