"""A stream, a frame at a time, in every engine: see `tools/benchmark.py stream`."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from contender_process import RETRIES, ContenderProcess
from stream_contenders import CONTENDERS, WINDOW, Job

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.networks.network import Network

ARCHS = ("tsm_resnet50", "tsm_mobilenet_v2")
STREAMS = (1, 8)
REFERENCE = "PyTorch (torch_ref)"
STEPS = 50  # frames of a run
WINDOWS = 2  # whole windows of a run
SMALL = 64  # pixels of the frames of the memory run, which shows growth as well as large ones do
PAUSE = 0.25  # seconds between runs: a contender's threads wait busily for a while


def benchmark_streams(runs: int, frames: int, arch: str = "", out: str = "", size: int = 224) -> None:
    """Run some frames of a stream and some windows in each engine in turn, for each network and number of streams.

    frames: of the memory run, 0 for none. arch: this network only. out: a folder for stream.json. size: height and
    width of the frames.
    """
    threads = min(2, os.cpu_count() or 1)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name in [arch] if arch else ARCHS:
            checkpoint = f"{folder}/{name}.safetensors"
            write_demo_checkpoint(checkpoint, Network(name, shift_order="causal"), "canonical")
            for streams in STREAMS:
                measured = measure(Job(checkpoint, streams, threads, size), runs)
                print_table(f"{name}, {streams} stream{'s' if streams > 1 else ''}, frames of {size}", measured, runs)
                results.append({"arch": name, "streams": streams, "size": size, "threads": threads, **measured})
            if frames:
                print_memory(Job(checkpoint, 1, threads, SMALL), frames)
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        Path(out, "stream.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def start(job: Job) -> dict[str, ContenderProcess]:
    """The process of each contender that is ready to run the job."""
    started = {}
    for name in CONTENDERS:
        environment = os.environ | {"OMP_NUM_THREADS": str(job.threads), "GLOG_minloglevel": "2"}
        contender = ContenderProcess("stream_contenders.py", (name, json.dumps(asdict(job))), environment, None, PAUSE)
        if contender.is_ready():
            started[name] = contender
        else:
            print(f"  {name}: not here (is its package installed?)")
    return started


def measure(job: Job, runs: int) -> dict[str, dict[str, list[float]]]:
    """{"step" and "window": {contender: the seconds of each frame and of each window}}, interleaved."""
    started = start(job)
    step: dict[str, list[float]] = {name: [] for name in started}
    window: dict[str, list[float]] = {name: [] for name in started}
    for number in range(runs):
        print(f"run {number + 1} of {runs}", file=sys.stderr, flush=True)
        for name, contender in started.items():
            step[name] += contender.ask_undisturbed(steps=STEPS)["each"]
            window[name] += contender.ask_undisturbed(windows=WINDOWS)["each"]
    for name, contender in started.items():
        contender.close()
        if contender.disturbed:
            print(f"  {name}: {contender.disturbed} runs were disturbed even after {RETRIES} repetitions")
    return {"step": step, "window": window}


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def print_table(what: str, measured: dict[str, dict[str, list[float]]], runs: int) -> None:
    """Print each contender's percentiles, and its ratios to the window and to the reference's step."""
    print(f"{what}; {runs} interleaved runs of {STEPS} frames")
    print(f"  {'ms a frame of all streams':26} {'50th':>8} {'95th':>8} {'99th':>8}  99th/50th  window/step  / PyTorch")
    reference = measured["step"].get(REFERENCE)
    for name, each in measured["step"].items():
        middle = statistics.median(each)
        ends = percentile(each, 0.95), percentile(each, 0.99)
        against = f"{middle / statistics.median(reference):.2f}" if reference else "-"
        print(
            f"  {name:26} {1e3 * middle:8.2f} {1e3 * ends[0]:8.2f} {1e3 * ends[1]:8.2f}  {ends[1] / middle:9.2f}  "
            f"{statistics.median(measured['window'][name]) / middle:11.2f}  {against:>14}"
        )
    print(f"  window: the last {WINDOW} frames of every stream, computed again for each new one")


def print_memory(job: Job, frames: int) -> None:
    """Print the memory of each contender after a tenth of the frames, and how much more it is after all of them."""
    for name, contender in start(job).items():
        first = contender.ask(steps=frames // 10)["bytes"]
        last = contender.ask(steps=frames - frames // 10)["bytes"]
        contender.close()
        more = f"{(last - first) / 1e6:+.1f} MB after {frames}"
        print(f"  {name:26} {first / 1e6:6.0f} MB after {frames // 10} frames, {more}")
