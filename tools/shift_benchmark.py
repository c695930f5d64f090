"""The eager shift against a plain copy of the same tensor and Paddle's operator: see `tools/benchmark.py shift`."""

from __future__ import annotations

import time

from disturbance import Timings, undisturbed

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

    def run_all() -> dict[str, float]:
        """One run of each: together they take long enough to see whether other processes disturbed them."""
        seconds = {}
        for name, contender in CONTENDERS.items():
            start = time.perf_counter()
            contender(x).backward(gradient)
            seconds[name] = time.perf_counter() - start
            x.clear_gradient(False)
        return seconds

    for _ in range(WARM_UP):
        run_all()
    timings = Timings()
    for _ in range(runs):
        seconds, disturbed = undisturbed(run_all)
        for name in CONTENDERS:
            timings.add(name, seconds[name], disturbed)
    print(f"{list(SHAPE)} float32, forward and backward, {runs} interleaved runs after three, medians")
    copy = min(COPIES, key=timings.median)
    for name in CONTENDERS:
        print(
            f"  {name:26} {1e3 * timings.median(name):7.2f} ms   {timings.ratio(name, copy):>9} times the quicker copy"
        )
    print(f"  Paddle's operator / ours: {timings.ratio(OPERATOR, OURS)}")
    print(f"  {timings.note()}")
