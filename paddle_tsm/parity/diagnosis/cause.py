"""What explains a difference, for a reader and for a program."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A change of PyTorch's model that was measured to give what Paddle's gives.

    layer: PyTorch's name, or "between bn1 and conv2". kind: a word for programs: the argument that differs ("eps",
    "momentum", "padding", "ceil_mode", "align_corners", "negative_slope"), or "activation", "gelu approximation",
    "transposed weight", "gate order", "layout", "channel permutation", "shift direction", "constant factor", "biased
    variance", "term left out", "detached" and others like these; "unexplained" where nothing that was tried explains
    the difference. before, after: what PyTorch has, and what Paddle behaves as if it had. sentence: the same with the
    measured differences.
    """

    layer: str
    kind: str
    before: str
    after: str
    sentence: str
