"""One training step of ResNet-50-TSM in both frameworks: see `tools/benchmark.py train`."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile

from contender_process import RETRIES, ContenderProcess

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.networks.network import Network

WITHOUT = "PADDLE_TSM_WITHOUT"
REFERENCE, OURS = "PyTorch (torch_ref)", "paddle_tsm"
UNBIASED = "without its optimizer: Paddle's, and its clipping"
BIASED = "the same with paddle.nn.BatchNorm2D (biased)"
# what is printed -> (contender of tools/training_step.py, variables that are set for it)
CONTENDERS: dict[str, tuple[str, dict[str, str]]] = {
    REFERENCE: ("torch", {}),
    OURS: ("ours", {}),
    "without its threads": ("ours", {WITHOUT: "threads"}),
    "without its setting for MKL": ("ours", {WITHOUT: "mkl"}),
    "without its setting for malloc": ("ours", {WITHOUT: "malloc"}),
    "without oneDNN": ("ours", {WITHOUT: "onednn"}),
    "without its shift: slices and concatenation": ("shift-slices", {}),
    "without its shift: Paddle's operator": ("shift-operator", {}),
    UNBIASED: ("optimizer-paddle", {}),
    BIASED: ("batch-norm-paddle", {}),
    "plain Paddle as imported": ("plain", {WITHOUT: "threads,mkl,malloc,onednn"}),
}
# variables of the caller that no contender gets
SET_ELSEWHERE = ("OMP_", "MKL_", "KMP_", "GOMP_", "MALLOC_", "GLIBC_TUNABLES", "FLAGS_", WITHOUT)
PAUSE = 0.25  # seconds between steps: after a step, a contender's threads wait busily for a while
WARM_UP = 2


def benchmark_training(runs: int, threads: int = 2) -> None:
    """Train on a batch of one clip, 8 frames of 224, in float32: each contender takes a step in turn.

    A ratio to PyTorch is the median over the rounds of (its step / PyTorch's step in the same round).
    """
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = f"{folder}/r50.pth"
        write_demo_checkpoint(checkpoint, Network("tsm_resnet50"))
        contenders = {name: start(*what, checkpoint, threads) for name, what in CONTENDERS.items()}
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(runs + WARM_UP):
            print(f"round {number + 1} of {runs + WARM_UP}", file=sys.stderr, flush=True)
            for name, contender in contenders.items():
                seconds[name].append(contender.ask_undisturbed()["seconds"])
        peaks = {name: json.loads(contender.close())["bytes"] for name, contender in contenders.items()}
    print_table(
        {name: values[WARM_UP:] for name, values in seconds.items()},
        peaks,
        {name: contender.answers[0]["loss"] for name, contender in contenders.items()},
        threads,
    )
    disturbed = sum(contender.disturbed for contender in contenders.values())
    print(f"  {disturbed} steps were disturbed by other processes even after {RETRIES} repetitions")
    share = ratio(seconds[UNBIASED][WARM_UP:], seconds[BIASED][WARM_UP:]) - 1
    print(f"  the unbiased BatchNorm costs {100 * share:+.1f} % of the step against paddle.nn.BatchNorm2D")


def start(name: str, variables: dict[str, str], checkpoint: str, threads: int) -> ContenderProcess:
    """A process that does one training step on request, on the first `threads` processors."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(SET_ELSEWHERE)}
    processors = sorted(os.sched_getaffinity(0))[:threads]
    return ContenderProcess("training_step.py", (name, checkpoint), environment | variables, processors, PAUSE)


def print_table(seconds: dict[str, list[float]], peaks: dict[str, int], losses: dict[str, float], threads: int) -> None:
    """Print each contender's times, ratios, peak memory in bytes, and the loss of its first step."""
    runs = len(seconds[OURS])
    print(f"ResNet-50-TSM, 8 frames of 224, one clip, float32, {threads} threads; {runs} interleaved steps after two")
    print(f"  {'':50} {'median':>8} {'fastest':>8} {'slowest':>8} {'/ PyTorch':>10} {'/ ours':>7} {'peak':>8}  loss")
    for name, measured in seconds.items():
        print(
            f"  {name:50} {statistics.median(measured):6.3f} s {min(measured):6.3f} s {max(measured):6.3f} s "
            f"{ratio(measured, seconds[REFERENCE]):10.2f} {ratio(measured, seconds[OURS]):7.2f} "
            f"{peaks[name] / 1e6:5.0f} MB  {losses[name]:.6f}"
        )


def ratio(measured: list[float], against: list[float]) -> float:
    """The median of the ratios, round by round."""
    return statistics.median(a / b for a, b in zip(measured, against))
