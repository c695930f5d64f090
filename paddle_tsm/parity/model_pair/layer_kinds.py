"""The kinds of layers that both frameworks have, and where a tensor of PyTorch's layer lies in Paddle's.

A layer's kind decides whether a tensor is transposed, never its shape. A layer of no kind in `KINDS` is of the kind
`OWN`: its tensors must have the same names and shapes in both frameworks, or the caller pairs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RESHAPED = ("layer_norm", "rms_norm", "bilinear")  # Paddle holds a tensor of these kinds in another shape


@dataclass(frozen=True)
class Kind:
    """torch, paddle: the names of the classes. transposed: the tensors that Paddle holds transposed. renamed: PyTorch's
    name -> Paddle's name. absent: PyTorch's tensors that Paddle does not have. whole: the tensors of the layers inside
    belong to it, because it does not call them one by one in both frameworks.
    """

    name: str
    torch: tuple[str, ...]
    paddle: tuple[str, ...]
    transposed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    absent: tuple[str, ...] = ()
    whole: bool = False


def dimensions(torch_name: str, paddle_name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes of one, two and three dimensions: ("Conv1d", ...), ("Conv1D", "Conv1d", ...)."""
    torch = tuple(torch_name.format(f"{n}d") for n in (1, 2, 3))
    return torch, tuple(paddle_name.format(f"{n}D") for n in (1, 2, 3)) + torch


STATISTICS = (("running_mean", "_mean"), ("running_var", "_variance"))
KINDS = (
    Kind("linear", ("Linear",), ("Linear",), transposed=("weight",)),
    Kind("conv", *dimensions("Conv{}", "Conv{}")),
    Kind("conv_transpose", *dimensions("ConvTranspose{}", "Conv{}Transpose")),
    Kind("bilinear", ("Bilinear",), ("Bilinear",)),
    Kind("embedding", ("Embedding",), ("Embedding",)),
    Kind(
        "batch_norm",
        ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"),
        ("BatchNorm1D", "BatchNorm2D", "BatchNorm3D", "BatchNorm", "SyncBatchNorm"),
        renamed=STATISTICS,
        absent=("num_batches_tracked",),
    ),
    Kind("layer_norm", ("LayerNorm",), ("LayerNorm",)),
    Kind("rms_norm", ("RMSNorm",), ("RMSNorm",)),
    Kind("group_norm", ("GroupNorm",), ("GroupNorm",)),
    Kind(
        "instance_norm",
        *dimensions("InstanceNorm{}", "InstanceNorm{}"),
        renamed=(("weight", "scale"),),
        absent=("num_batches_tracked",),
    ),
    Kind("prelu", ("PReLU",), ("PReLU",), renamed=(("weight", "_weight"),)),
    Kind("lstm", ("LSTM",), ("LSTM",), whole=True),
    Kind("gru", ("GRU",), ("GRU",), whole=True),
    Kind("rnn", ("RNN",), ("SimpleRNN",), whole=True),
    Kind("lstm_cell", ("LSTMCell",), ("LSTMCell",)),
    Kind("gru_cell", ("GRUCell",), ("GRUCell",)),
    Kind("rnn_cell", ("RNNCell",), ("SimpleRNNCell",)),
    Kind("attention", ("MultiheadAttention",), ("MultiHeadAttention",), whole=True),
)
BY_TORCH_CLASS = {name: kind for kind in KINDS for name in kind.torch}
BY_PADDLE_CLASS = {name: kind for kind in KINDS for name in kind.paddle}
OWN = Kind("own", (), ())
# paddle.compat.nn holds layers that keep PyTorch's conventions, its orientation of Linear weights among them.
COMPAT = {
    "Linear": Kind("linear", ("Linear",), ()),
    "MultiheadAttention": Kind("attention", ("MultiheadAttention",), (), whole=True),
}


def torch_kind(layer: Any) -> Kind:
    """The kind of a PyTorch module, by the class of PyTorch that it is or that it extends."""
    for found in type(layer).__mro__:
        if found.__module__.startswith("torch.nn.modules") and found.__name__ in BY_TORCH_CLASS:
            return BY_TORCH_CLASS[found.__name__]
    return OWN


def paddle_kind(layer: Any) -> Kind:
    """The kind of a Paddle layer, by the class of Paddle that it is or that it extends."""
    for found in type(layer).__mro__:
        if found.__module__.startswith("paddle.compat") and found.__name__ in COMPAT:
            return COMPAT[found.__name__]
        if found.__module__.startswith(("paddle.nn.", "paddle.incubate.nn.")) and found.__name__ in BY_PADDLE_CLASS:
            return BY_PADDLE_CLASS[found.__name__]
    return OWN
