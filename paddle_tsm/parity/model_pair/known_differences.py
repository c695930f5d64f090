"""Which known differences of the frameworks two models meet, and what a report says of them.

A port cannot help them, so they are taken into account: PyTorch's model computes with Paddle's constants where the twin
is a layer or a function of Paddle's own (`torch_arithmetic.py`). They are named in the report. With strict=True nothing
is taken into account, and they count as any other difference.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from paddle_tsm.parity.differences import DIFFERENCES

# Paddle's function -> the row of `DIFFERENCES` that tells its constants
ROWS = {
    "elu": "activations' constants",
    "celu": "activations' constants",
    "selu": "activations' constants",
    "hardtanh": "activations' constants",
    "softshrink": "activations' constants",
    "hardsigmoid": "Hardsigmoid's slope",
    "batch_norm": "BatchNorm constants",  # the function; what a layer of Paddle's holds is set in its twin
    "layer_norm": "norms' epsilon",
    "instance_norm": "norms' epsilon",
    "group_norm": "GroupNorm's variance",
    "interpolate": "interpolation's ratio",
    "pow": "powers' exponent",
    "cross_entropy": "label smoothing",
    "smooth_l1_loss": "Huber's delta",
    "avg_pool": "average pool's gradient",  # no function's name: every average pool runs one of two kernels
}
ROUNDED_SLOPE = 1e-6  # Paddle's own slope of Hardsigmoid, 0.1666667, is nearer to 1 / 6 than this
OWN_NORMS = ("_BatchNormBase", "BatchNorm", "SyncBatchNorm", "LayerNorm", "InstanceNorm", "_InstanceNormBase")


def is_own_norm(layer: Any, names: tuple[str, ...] = OWN_NORMS) -> bool:
    """Whether a layer of Paddle is one of its norms and computes as Paddle's do. names: of the classes."""
    kinds = [kind for kind in type(layer).__mro__ if "forward" in vars(kind)]
    return bool(kinds) and kinds[0].__module__ == "paddle.nn.layer.norm" and kinds[0].__name__.startswith(names)


@contextlib.contextmanager
def functions_called(called: dict[str, dict[str, float]]) -> Iterator[None]:
    """While the block runs, `called` takes the names of Paddle's functions of `ROWS` that are called, each with
    what its rule must know of the call.
    """
    from paddle.nn import functional

    originals = {name: getattr(functional, name) for name in ROWS if hasattr(functional, name)}

    def recorded(name: str, original: Callable) -> Callable:
        def function(*arguments: Any, **named: Any) -> Any:
            slope = named.get("slope", arguments[1] if len(arguments) > 1 else None) if name == "hardsigmoid" else None
            if slope is not None and abs(slope - 1 / 6) > ROUNDED_SLOPE:
                return original(*arguments, **named)  # another slope is the caller's own, and no rounding
            if name == "cross_entropy" and not named.get("label_smoothing"):
                return original(*arguments, **named)  # nothing to round
            called.setdefault(name, {} if slope is None else {"slope": float(slope)})
            return original(*arguments, **named)

        return function

    for name, original in originals.items():
        setattr(functional, name, recorded(name, original))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(functional, name, original)


def sentences(norms: dict[str, Any], values: dict[str, int], functions: set[str]) -> list[str]:
    """What the report says: a sentence for each known difference that was met.

    norms: PyTorch's layer -> Paddle's own norm. values: as `PaddleNorms` takes them. functions: the rules used.
    """
    met: dict[str, str] = {}
    if values:
        name, least = min(values.items(), key=lambda item: item[1])
        met["running variance"] = f"in {counted(list(values))}, by 1 part in {least} at {name}"
    batch = [name for name, layer in norms.items() if hasattr(layer, "_mean")]
    others = [name for name in norms if name not in batch]
    for row, names in (("BatchNorm constants", batch), ("norms' epsilon", others)):
        if names:
            met[row] = f"in {counted(names)}"
    for function in sorted(functions):
        met.setdefault(ROWS[function], f"in {function}")
    table = {row.name: row for row in DIFFERENCES}
    return [f"{name}: {table[name].what} ({where})" for name, where in met.items()]


def counted(names: list[str]) -> str:
    """How many layers, and the first of them."""
    return names[0] if len(names) == 1 else f"{len(names)} layers, the first of which is {names[0]}"
