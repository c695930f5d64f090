"""Conversion of a checkpoint against reading and writing it once: see `tools/benchmark.py convert`."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from convert_contenders import CONTENDERS
from disturbance import Timings, undisturbed

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.networks.network import Network


def benchmark_conversion(runs: int) -> None:
    """Convert a ResNet-50-TSM checkpoint in mmaction2's layout `runs` times, and print medians of time and memory."""
    with tempfile.TemporaryDirectory() as folder:
        source, destination = f"{folder}/r50.pth", f"{folder}/out.safetensors"
        write_demo_checkpoint(source, Network("tsm_resnet50"))
        size = Path(source).stat().st_size
        timings = Timings()
        peaks: dict[str, list[int]] = {name: [] for name in CONTENDERS}
        for name in CONTENDERS:
            run_once(name, source, destination)
        for _ in range(runs):
            for name in CONTENDERS:
                answer, disturbed = undisturbed(partial(run_once, name, source, destination))
                timings.add(name, answer["seconds"], disturbed)
                peaks[name].append(answer["bytes"])
    print(f"{size / 1e6:.0f} MB checkpoint, {runs} interleaved runs after one to warm up, medians")
    ours = next(iter(CONTENDERS))
    our_peak = statistics.median(peaks[ours])
    for name in CONTENDERS:
        peak = statistics.median(peaks[name])
        print(
            f"  {name:48} {timings.median(name):6.3f} s  {peak / 1e6:6.0f} MB   "
            f"ours / this: time {timings.ratio(ours, name)}, memory {our_peak / peak:.2f}"
        )
    print(f"  {timings.note()}")


def run_once(name: str, source: str, destination: str) -> dict:
    """One run of a contender in a process of its own: {"seconds", "bytes"}."""
    program = str(Path(__file__).with_name("convert_contenders.py"))
    done = subprocess.run(
        [sys.executable, program, name, source, destination], capture_output=True, encoding="utf-8", check=True
    )
    return json.loads(done.stdout.splitlines()[-1])
