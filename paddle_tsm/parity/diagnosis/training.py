"""What explains a difference that only training shows: of the running statistics, of gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from paddle_tsm.parity.diagnosis.cause import Cause
from paddle_tsm.parity.diagnosis.relations import far
from paddle_tsm.parity.tolerance import TOLERANCES

if TYPE_CHECKING:
    from paddle_tsm.parity.diagnosis.torch_calls import Record
    from paddle_tsm.parity.model_pair.torch_model import TorchModel

Tensors = dict[str, np.ndarray]
STATISTICS = ("running_mean", "running_var")
CLOSE = 1e-6  # a momentum is rounded to float32


def statistics_causes(before: Tensors, after: Tensors, other: Tensors, record: Record, side: TorchModel) -> list[Cause]:
    """A cause for every BatchNorm whose running statistics differ after one pass in training mode.

    before, after: PyTorch's tensors in front of the pass and behind it. other: Paddle's behind it, of a run in which
    every layer got PyTorch's input. record: of PyTorch's pass.
    """
    limit = TOLERANCES["float64"].limit
    layers = dict(side.named_layers())
    causes = []
    for name in [name.removesuffix(".running_mean") for name in after if name.endswith(".running_mean")]:
        names = [f"{name}.{word}" for word in STATISTICS]
        x = record.arrays.get(f"{name}: input")
        if x is None or f"{name}#2: input" in record.arrays or not set(names) <= set(other):
            continue
        pairs = [(after[full], other[full]) for full in names]
        if all(far(a, b) <= limit for a, b in pairs):
            continue
        start = f"{name}: after one pass its running statistics differ by {max(far(a, b) for a, b in pairs):.1e}"
        momentum = getattr(layers[name], "momentum", None) or 0.0
        start_values = [before[full] for full in names]
        own = explain_statistics(start_values, [a for a, _ in pairs], x, float(momentum))
        found = explain_statistics(start_values, [b for _, b in pairs], x, float(momentum))
        found = [cause for cause in found if cause[0] not in [kind for kind, *_ in own]]
        causes += [Cause(name, kind, old, new, f"{start}; {words}") for kind, old, new, words in found]
    return causes


def explain_statistics(
    before: list[np.ndarray], other: list[np.ndarray], x: np.ndarray, momentum: float
) -> list[tuple[str, str, str, str]]:
    """(kind, before, after, words) of what explains Paddle's statistics.

    before: the mean and the variance in front of the pass. other: Paddle's behind it. x: the input [N, C, ...].
    momentum: PyTorch's.
    """
    axes = (0, *range(2, x.ndim))
    mean, biased = x.mean(axes), x.var(axes)
    count = x.size / x.shape[1]
    variances = {"unbiased": biased * count / max(count - 1, 1), "biased": biased}
    if far(before[0], other[0]) == 0 and far(before[1], other[1]) == 0:
        return [("statistics", "updated", "not updated", "Paddle leaves them as they were")]
    share = slope(mean - before[0], other[0] - before[0])
    for word, variance in variances.items():
        made = [before[0] + share * (mean - before[0]), before[1] + share * (variance - before[1])]
        left = max(far(a, b) for a, b in zip(made, other))
        if left > CLOSE:
            continue
        found = []
        if abs(share - momentum) > CLOSE:
            new, old = f"{share:.4g}", f"{momentum:.4g}"
            paddle = f"Paddle's momentum {1 - share:.4g}, where {1 - momentum:.4g} is PyTorch's {old}"
            found.append(("momentum", old, new, f"with momentum {new} instead of {old} ({paddle}) by {left:.1g}"))
        if word == "biased":
            words = "with the biased variance instead of the unbiased one"
            found.append(("biased variance", "unbiased", "biased", f"{words} by {left:.1g}"))
        return found
    return []


def slope(x: np.ndarray, y: np.ndarray) -> float:
    """The factor that makes y of x, by least squares."""
    return float((x * y).sum() / max(float((x * x).sum()), 1e-300))
