"""The layers of paddle.nn and their twins of torch.nn: single layers, recurrent networks, attention, Transformers."""

from __future__ import annotations

import numpy as np
import paddle
import torch
from library_pair import LibraryPair, indices, normal
from paddle import nn as pd
from torch import nn as pt


def layer_pairs() -> list[LibraryPair]:
    """Every pair of layers."""
    return [*convolutions(), *matrices(), *norms(), *cells(), *recurrent(), *attention(), *transformers()]


def convolutions() -> list[LibraryPair]:
    """Convolutions of one to three dimensions, with groups, stride, dilation and padding."""
    found = []
    for n in (1, 2, 3):
        shape, name = (2, 4) + (7,) * n, f"Conv{n}d"
        options = {"stride": 2, "padding": 1, "groups": 2}
        a, b = getattr(pt, name), getattr(pd, f"Conv{n}D")
        found.append(
            LibraryPair(
                name, lambda a=a, o=options: a(4, 6, 3, **o), lambda b=b, o=options: b(4, 6, 3, **o), normal(shape)
            )
        )
        a, b = getattr(pt, f"ConvTranspose{n}d"), getattr(pd, f"Conv{n}DTranspose")
        options = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}
        found.append(
            LibraryPair(
                f"ConvTranspose{n}d",
                lambda a=a, o=options: a(4, 6, 3, **o),
                lambda b=b, o=options: b(4, 6, 3, **o),
                normal(shape),
            )
        )
    found.append(
        LibraryPair(
            "Conv2d, depthwise, dilated",
            lambda: pt.Conv2d(4, 4, 3, dilation=2, groups=4, bias=False),
            lambda: pd.Conv2D(4, 4, 3, dilation=2, groups=4, bias_attr=False),
            normal((2, 4, 9, 9)),
        )
    )
    return found


def matrices() -> list[LibraryPair]:
    """Layers that multiply by a matrix or look up in one, and PReLU."""
    ids = indices(7, (3, 5))
    return [
        LibraryPair("Linear", lambda: pt.Linear(5, 3), lambda: pd.Linear(5, 3), normal((4, 5)), differs=(LINEAR,)),
        LibraryPair("Linear, square", lambda: pt.Linear(5, 5), lambda: pd.Linear(5, 5), normal((4, 5))),
        LibraryPair(
            "paddle.compat.nn.Linear, square",
            lambda: pt.Linear(5, 5),
            lambda: paddle.compat.nn.Linear(5, 5),
            normal((4, 5)),
            differs=("it keeps PyTorch's weight [out, in]",),
        ),
        LibraryPair(
            "Bilinear",
            lambda: pt.Bilinear(3, 4, 5),
            lambda: pd.Bilinear(3, 4, 5),
            normal((6, 3), (6, 4)),
            differs=("Paddle's bias is [1, out]",),
        ),
        LibraryPair("Embedding", lambda: pt.Embedding(7, 4), lambda: pd.Embedding(7, 4), ids),
        LibraryPair(
            "Embedding, padding_idx",
            lambda: pt.Embedding(7, 4, padding_idx=2),
            lambda: pd.Embedding(7, 4, padding_idx=2),
            ids,
        ),
        LibraryPair(
            "PReLU",
            lambda: pt.PReLU(4),
            lambda: pd.PReLU(4),
            normal((2, 4, 3, 3)),
            differs=("Paddle calls the weight `_weight`",),
        ),
    ]


LINEAR = "Paddle's weight is [in, out]"


def norms() -> list[LibraryPair]:
    """Normalisations."""
    flat = "Paddle's weight and bias are flat"
    found = []
    for n in (1, 2, 3):
        shape = (4, 6) + (5,) * n
        a, b = getattr(pt, f"BatchNorm{n}d"), getattr(pd, f"BatchNorm{n}D")
        found.append(LibraryPair(f"BatchNorm{n}d", lambda a=a: a(6), lambda b=b: b(6), normal(shape)))
        a, b = getattr(pt, f"InstanceNorm{n}d"), getattr(pd, f"InstanceNorm{n}D")
        found.append(
            LibraryPair(
                f"InstanceNorm{n}d",
                lambda a=a: a(6, affine=True),
                lambda b=b: b(6),
                normal(shape),
                differs=("Paddle calls the weight `scale`, and always has it",),
            )
        )
    return [
        *found,
        LibraryPair("BatchNorm1d, [N, C]", lambda: pt.BatchNorm1d(6), lambda: pd.BatchNorm1D(6), normal((8, 6))),
        LibraryPair("LayerNorm [6]", lambda: pt.LayerNorm(6), lambda: pd.LayerNorm(6), normal((3, 5, 6))),
        LibraryPair(
            "LayerNorm [5, 6]",
            lambda: pt.LayerNorm([5, 6]),
            lambda: pd.LayerNorm([5, 6]),
            normal((3, 5, 6)),
            differs=(flat,),
        ),
        LibraryPair("GroupNorm", lambda: pt.GroupNorm(3, 6), lambda: pd.GroupNorm(3, 6), normal((2, 6, 4, 4))),
    ]


def cells() -> list[LibraryPair]:
    """One step of a recurrent network."""
    output = "Paddle returns (output, states), PyTorch the states"
    return [
        LibraryPair(
            "RNNCell",
            lambda: OnlyFirst(pt.RNNCell(4, 3)),
            lambda: OnlyFirstPaddle(pd.SimpleRNNCell(4, 3)),
            normal((5, 4)),
            differs=(output,),
        ),
        LibraryPair(
            "GRUCell",
            lambda: OnlyFirst(pt.GRUCell(4, 3)),
            lambda: OnlyFirstPaddle(pd.GRUCell(4, 3)),
            normal((5, 4)),
            differs=(output,),
        ),
        LibraryPair(
            "LSTMCell",
            lambda: OnlyFirst(pt.LSTMCell(4, 3)),
            lambda: OnlyFirstPaddle(pd.LSTMCell(4, 3)),
            normal((5, 4)),
            differs=(output,),
        ),
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


def recurrent() -> list[LibraryPair]:
    """Recurrent networks of two layers: one direction with the final states, and both directions."""
    found = []
    for name, a, b in (("LSTM", pt.LSTM, pd.LSTM), ("GRU", pt.GRU, pd.GRU), ("RNN", pt.RNN, pd.SimpleRNN)):
        for both in (False, True):
            found.append(
                LibraryPair(
                    f"{name}, 2 layers{', bidirectional' if both else ''}",
                    lambda a=a, both=both: a(4, 3, num_layers=2, batch_first=True, bidirectional=both),
                    lambda b=b, both=both: b(4, 3, num_layers=2, direction="bidirect" if both else "forward"),
                    normal((2, 5, 4)),
                    differs=("Paddle has the batch in front unless time_major=True",),
                )
            )
    return found


def attention() -> list[LibraryPair]:
    """Multi-head attention, with an additive mask, and with keys and values of other sizes."""
    packed = "PyTorch packs the three projections into one tensor"
    tuples = "PyTorch also returns the weights of attention"
    return [
        LibraryPair(
            "MultiheadAttention",
            lambda: OnlyFirst(pt.MultiheadAttention(8, 2, batch_first=True)),
            lambda: pd.MultiHeadAttention(8, 2),
            normal((2, 5, 8), (2, 6, 8), (2, 6, 8)),
            differs=(packed, LINEAR, tuples),
        ),
        LibraryPair(
            "MultiheadAttention, kdim, vdim",
            lambda: OnlyFirst(pt.MultiheadAttention(8, 2, kdim=6, vdim=4, batch_first=True)),
            lambda: pd.MultiHeadAttention(8, 2, kdim=6, vdim=4),
            normal((2, 5, 8), (2, 6, 6), (2, 6, 4)),
            differs=(LINEAR, tuples),
        ),
        LibraryPair(
            "paddle.compat.nn.MultiheadAttention",
            lambda: pt.MultiheadAttention(8, 2, batch_first=True),
            lambda: paddle.compat.nn.MultiheadAttention(8, 2, batch_first=True),
            normal((2, 5, 8), (2, 6, 8), (2, 6, 8)),
        ),
    ]


def transformers() -> list[LibraryPair]:
    """Encoder, decoder and the whole, both orders of normalisation, with a causal mask."""
    small = {"dropout": 0.0}
    found = []
    for first in (False, True):
        words = "norm first" if first else "norm last"
        found += [
            LibraryPair(
                f"TransformerEncoder, {words}",
                lambda first=first: pt.TransformerEncoder(
                    pt.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=first, **small),
                    2,
                    enable_nested_tensor=False,
                ),
                lambda first=first: pd.TransformerEncoder(
                    pd.TransformerEncoderLayer(8, 2, 16, normalize_before=first, **small), 2
                ),
                causal((2, 5, 8)),
            ),
            LibraryPair(
                f"TransformerDecoder, {words}",
                lambda first=first: pt.TransformerDecoder(
                    pt.TransformerDecoderLayer(8, 2, 16, batch_first=True, norm_first=first, **small), 2
                ),
                lambda first=first: pd.TransformerDecoder(
                    pd.TransformerDecoderLayer(8, 2, 16, normalize_before=first, **small), 2
                ),
                causal((2, 5, 8), (2, 6, 8)),
            ),
        ]
    found.append(
        LibraryPair(
            "Transformer, norm first",
            lambda: pt.Transformer(8, 2, 2, 2, 16, batch_first=True, norm_first=True, **small),
            lambda: pd.Transformer(8, 2, 2, 2, 16, normalize_before=True, **small),
            normal((2, 6, 8), (2, 5, 8)),
        )
    )
    found.append(
        LibraryPair(
            "Transformer, norm last",
            lambda: pt.Transformer(8, 2, 2, 2, 16, batch_first=True, **small),
            lambda: pd.Transformer(8, 2, 2, 2, 16, **small),
            normal((2, 6, 8), (2, 5, 8)),
        )
    )
    return found


def causal(target: tuple[int, ...], memory: tuple[int, ...] | None = None):
    """A sequence, the encoder's output where there is one, and a causal mask of 0 and minus infinity."""

    def make(seed: int):
        shapes = [target] + ([memory] if memory else [])
        mask = np.triu(np.full((target[1], target[1]), -np.inf), 1)
        return *normal(*shapes)(seed), mask

    return make
