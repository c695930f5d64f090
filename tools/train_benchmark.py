"""One training step of ResNet-50-TSM in both frameworks: see `tools/benchmark.py train`."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile

from contender_process import ContenderProcess
from disturbance import DISTURBED, Timings

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.networks.network import Network

WITHOUT = "PADDLE_TSM_WITHOUT"
REFERENCE, OURS = "PyTorch (torch_ref)", "paddle_tsm"
UNBIASED = "without its optimizer: Paddle's, and its clipping"
BIASED = "the same with paddle.nn.BatchNorm2D (biased)"
# what is printed -> (contender of tools/training_step.py, variables that are set for it)
CONTENDERS: dict[str, tuple[str, dict[str, str]]] = {
    REFERENCE: ("torch", {}),
    "PyTorch, channels last": ("torch-channels-last", {}),
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
WARM_UP = 2


def benchmark_training(runs: int, batch: int = 1, only: str = "", threads: int = 2) -> None:
    """Train on a batch of clips, 8 frames of 224, in float32: each contender takes a step in turn.

    only: a regular expression, for the contenders that have it in their names; PyTorch's and ours are always there.
    """
    chosen = {name: what for name, what in CONTENDERS.items() if name in (REFERENCE, OURS) or re.search(only, name)}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = f"{folder}/r50.pth"
        write_demo_checkpoint(checkpoint, Network("tsm_resnet50"))
        contenders = {name: start(*what, checkpoint, batch, threads) for name, what in chosen.items()}
        for contender in [*contenders.values()] * WARM_UP:
            contender.ask()
        timings = Timings()
        for number in range(runs):
            print(f"round {number + 1} of {runs}", file=sys.stderr, flush=True)
            for name, contender in contenders.items():
                timings.ask(name, contender)
        peaks = {name: json.loads(contender.close())["bytes"] for name, contender in contenders.items()}
    losses = {name: contender.answers[0]["loss"] for name, contender in contenders.items()}
    print_table(timings, peaks, losses, batch, threads)
    if {UNBIASED, BIASED} <= chosen.keys():
        quotient = timings.quotient(UNBIASED, BIASED)
        share = f"{100 * (quotient - 1):+.1f} %" if quotient else f"({DISTURBED})"
        print(f"  the unbiased BatchNorm costs {share} of the step against paddle.nn.BatchNorm2D")


def start(name: str, variables: dict[str, str], checkpoint: str, batch: int, threads: int) -> ContenderProcess:
    """A process that does one training step on request, on the first `threads` processors."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(SET_ELSEWHERE)}
    processors = sorted(os.sched_getaffinity(0))[:threads]
    return ContenderProcess("training_step.py", (name, checkpoint, str(batch)), environment | variables, processors)


def print_table(timings: Timings, peaks: dict[str, int], losses: dict[str, float], batch: int, threads: int) -> None:
    """Print each contender's times, ratios, peak memory in bytes, and the loss of its first step."""
    runs = len(timings.seconds[OURS])
    clips = "one clip" if batch == 1 else f"{batch} clips"
    print(f"ResNet-50-TSM, 8 frames of 224, {clips}, float32, {threads} threads; {runs} interleaved steps after two")
    print(f"  {'':50} {'median':>8} {'fastest':>8} {'slowest':>8} {'/ PyTorch':>10} {'/ ours':>9} {'peak':>8}  loss")
    for name, measured in timings.seconds.items():
        print(
            f"  {name:50} {timings.median(name):6.3f} s {min(measured):6.3f} s {max(measured):6.3f} s "
            f"{timings.ratio(name, REFERENCE):>10} {timings.ratio(name, OURS):>9} "
            f"{peaks[name] / 1e6:5.0f} MB  {losses[name]:.6f}"
        )
    print(f"  {timings.note()}")
