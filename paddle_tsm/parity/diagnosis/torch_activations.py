"""The functions of one value that a network may have in place of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F

from paddle_tsm.parity.diagnosis.torch_functions import Arguments, with_arguments, with_function
from paddle_tsm.parity.diagnosis.variation import Fit, Variation, number

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": F.relu,
    "leaky_relu(0.01)": lambda x: F.leaky_relu(x, 0.01),
    "leaky_relu(0.1)": lambda x: F.leaky_relu(x, 0.1),
    "leaky_relu(0.2)": lambda x: F.leaky_relu(x, 0.2),
    "relu6": F.relu6,
    "gelu": F.gelu,
    "gelu(tanh)": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "elu": F.elu,
    "selu": F.selu,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "hardsigmoid with slope 0.2": lambda x: torch.clamp(x * 0.2 + 0.5, 0.0, 1.0),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "mish": F.mish,
    "celu": F.celu,
    "softsign": F.softsign,
    "logsigmoid": F.logsigmoid,
    "gelu(x * sigmoid(1.702 x))": lambda x: x * torch.sigmoid(1.702 * x),
    "hardtanh": F.hardtanh,
    "abs": torch.abs,
    "square": torch.square,
    "exp": torch.exp,
}
NAMES = {name.partition("(")[0].partition(" ")[0] for name in ACTIVATIONS} | {"hardtanh", "prelu", "clamp", "clip"}
IDENTITY = "no function"


def activation_name(name: str, given: Arguments) -> str:
    """The call of an activation as the table has it."""
    if name == "leaky_relu":
        return f"leaky_relu({number(given.get('negative_slope', 0.01))})"
    if name == "gelu" and given.get("approximate", "none") == "tanh":
        return "gelu(tanh)"
    if name == "hardtanh" and (given.get("min_val"), given.get("max_val")) == (0.0, 6.0):
        return "relu6"
    return name


def activation_variations(name: str, given: Arguments) -> Iterator[Variation | Fit]:
    """Every other activation, and other numbers of the same one."""
    own = activation_name(name, given)
    if name == "gelu":
        values = ("tanh", "none") if own == "gelu" else ("none", "tanh")
        change = with_arguments(lambda given: {"approximate": values[0]})
        yield Variation("gelu approximation", values[1], values[0], change, "approximate")
    if name == "leaky_relu":
        slope = float(given.get("negative_slope", 0.01))
        for value in (0.01, 0.1, 0.2, 0.25, 0.3):
            if value != slope:
                change = with_function(F.leaky_relu, value)
                yield Variation("negative_slope", number(slope), number(value), change, "negative_slope")
    yield Variation("activation", own, IDENTITY, with_function(lambda x: x.clone()))
    if name == "sigmoid":
        yield Variation("complement", "sigmoid", "1 - sigmoid", with_function(lambda x: torch.sigmoid(-x)))
    for other, function in ACTIVATIONS.items():
        if other != own and not (name == "leaky_relu" and other.startswith("leaky_relu")):
            kind = "gelu approximation" if name == "gelu" and other.startswith("gelu") else "activation"
            yield Variation(kind, own, other, with_function(function))
    if name == "leaky_relu":
        slope = float(given.get("negative_slope", 0.01))
        yield Fit("negative_slope", "negative_slope", slope, lambda v: with_function(lambda x: F.leaky_relu(x, v)))
    if name in ("relu", "prelu"):
        yield Fit("activation", "leaky_relu, slope", 0.0, lambda v: with_function(lambda x: F.leaky_relu(x, v)))
    if name in ("elu", "celu"):
        function = F.elu if name == "elu" else F.celu
        yield Fit("alpha", "alpha", float(given.get("alpha", 1.0)), lambda v: with_function(lambda x: function(x, v)))
    if name == "softplus":
        yield Fit("beta", "beta", float(given.get("beta", 1.0)), lambda v: with_function(lambda x: F.softplus(x, v)))
    if name in ("silu", "sigmoid"):
        yield Fit(
            "constant factor",
            "the input times",
            1.0,
            lambda v: with_function(lambda x: F.silu(x * v) / v if name == "silu" else torch.sigmoid(v * x)),
        )
    if name in ("hardtanh", "clamp", "relu6"):
        for bounds in ((0.0, 1.0), (-1.0, 1.0), (0.0, 20.0), (0.0, 255.0), (-6.0, 6.0)):
            change = with_function(torch.clamp, *bounds)
            yield Variation("bounds", own, f"clamp{bounds}", change)
