"""The eager shift, forward and backward, against a plain copy of the same tensor and against Paddle's operator."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SHAPE = (8, 256, 56, 56)
OURS, COPIES, OPERATOR = "paddle_tsm", ("a plain copy: assign", "a plain copy: clone"), "Paddle's temporal_shift"


def shift(runs: int) -> None:
    """Interleaved in one process, so that all have the same threads and memory; three rounds to warm up."""
    from paddle_tsm import runtime

    paddle = runtime.import_paddle()
    from paddle_tsm.models.layers.shift import temporal_shift

    contenders = {
        OURS: lambda x: temporal_shift(x, SHAPE[0]),
        "slices and concatenations": slices,
        COPIES[0]: paddle.assign,
        COPIES[1]: lambda x: x.clone(),
        OPERATOR: lambda x: paddle.nn.functional.temporal_shift(x, SHAPE[0], 0.125),
    }
    x, gradient = paddle.randn(SHAPE), paddle.randn(SHAPE)
    x.stop_gradient = False
    seconds: dict = {name: [] for name in contenders}
    for _ in range(runs + 3):
        for name, contender in contenders.items():
            start = time.perf_counter()
            contender(x).backward(gradient)
            seconds[name].append(time.perf_counter() - start)
            x.clear_gradient(False)
    print(f"{list(SHAPE)} float32, forward and backward, {runs} interleaved runs after three, medians")
    medians = {name: statistics.median(values[3:]) for name, values in seconds.items()}
    copy = min(medians[name] for name in COPIES)
    for name, median in medians.items():
        print(f"  {name:26} {1e3 * median:7.2f} ms   {median / copy:6.2f} times the quicker copy")
    print(f"  Paddle's operator takes {medians[OPERATOR] / medians[OURS]:.1f} times as long as ours")


def slices(x):
    from paddle_tsm.models.layers.shift_kernels import shift_slices

    return shift_slices(x, SHAPE[0], SHAPE[1] // 8, SHAPE[1] // 4, 1)
