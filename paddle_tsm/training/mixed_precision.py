"""Whether this machine can train in mixed precision."""

from __future__ import annotations

import paddle


def check_mixed_precision(amp: str) -> None:
    """Raise ValueError for mixed precision on a CPU, where Paddle's auto_cast only warns and computes in float32.

    amp: a recipe's `amp`.
    """
    if amp != "none" and paddle.device.get_device().startswith("cpu"):
        raise ValueError(f"amp: got {amp!r} on a CPU, where Paddle has no mixed precision; wanted amp=none")
