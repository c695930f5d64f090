"""The eager shift against a plain copy of the same tensor and Paddle's operator: see `tools/benchmark.py shift`."""

from __future__ import annotations

import statistics
import time

from paddle_tsm import runtime

paddle = runtime.import_paddle()

from paddle_tsm.models.layers.shift import temporal_shift  # noqa: E402  it needs Paddle, which runtime sets up
from paddle_tsm.models.layers.shift_kernels import shift_slices  # noqa: E402  the same

SHAPE = (8, 256, 56, 56)
OURS, OPERATOR = "paddle_tsm", "Paddle's temporal_shift"
COPIES = ("a plain copy: assign", "a plain copy: clone")
CONTENDERS = {
    OURS: lambda x: temporal_shift(x, SHAPE[0]),
    "slices and concatenations": lambda x: shift_slices(x, SHAPE[0], SHAPE[1] // 8, SHAPE[1] // 4, 1),
    COPIES[0]: paddle.assign,
    COPIES[1]: lambda x: x.clone(),
    OPERATOR: lambda x: paddle.nn.functional.temporal_shift(x, SHAPE[0], 0.125),
}
WARM_UP = 3


def benchmark_shift(runs: int) -> None:
    """Run all contenders forward and backward in turn; in one process they have the same threads and memory."""
    x, gradient = paddle.randn(SHAPE), paddle.randn(SHAPE)
    x.stop_gradient = False
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(runs + WARM_UP):
        for name, contender in CONTENDERS.items():
            start = time.perf_counter()
            contender(x).backward(gradient)
            seconds[name].append(time.perf_counter() - start)
            x.clear_gradient(False)
    print(f"{list(SHAPE)} float32, forward and backward, {runs} interleaved runs after three, medians")
    medians = {name: statistics.median(values[WARM_UP:]) for name, values in seconds.items()}
    copy = min(medians[name] for name in COPIES)
    for name, median in medians.items():
        print(f"  {name:26} {1e3 * median:7.2f} ms   {median / copy:6.2f} times the quicker copy")
    print(f"  Paddle's operator takes {medians[OPERATOR] / medians[OURS]:.1f} times as long as ours")
