"""A stream, a frame at a time, in every engine: see `tools/benchmark.py stream`."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contender_process import ContenderProcess
from disturbance import DISTURBED, Timings
from stream_contenders import CONTENDERS, WINDOW, Job

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.networks.network import Network

ARCHS = ("tsm_resnet50", "tsm_mobilenet_v2")
STREAMS = (1, 8)
REFERENCE = "PyTorch (torch_ref)"
STEPS = 50  # frames of a run
WINDOWS = 2  # whole windows of a run
SMALL = 64  # pixels of the frames of the memory run, in which memory grows as it does with large ones
OF_WINDOW = ", window"  # ends the names of a contender's windows


def benchmark_streams(runs: int, out: Path | None, only: str, arch: str, size: int, frames: int) -> None:
    """Run some frames of a stream and some windows in each engine in turn, for each network and number of streams.

    out: a folder for stream.json. only: a regular expression, for the contenders that have it in their names. arch:
    this network alone. size: height and width of the frames. frames: of the memory run, 0 for none.
    """
    threads = min(2, os.cpu_count() or 1)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name in [arch] if arch else ARCHS:
            checkpoint = f"{folder}/{name}.safetensors"
            write_demo_checkpoint(checkpoint, Network(name, shift_order="causal"), "canonical")
            for streams in STREAMS:
                each, timings = measure(Job(checkpoint, streams, threads, size), runs, only)
                print(
                    f"{name}, {streams} stream{'s' * (streams > 1)}, frames of {size}, {threads} threads; "
                    f"{runs} interleaved runs of {STEPS} frames"
                )
                print_table(each, timings)
                results.append(
                    {
                        "arch": name,
                        "streams": streams,
                        "size": size,
                        "threads": threads,
                        "seconds": each,
                        "disturbed": timings.disturbed,
                    }
                )
            if frames:
                print_memory(Job(checkpoint, 1, threads, SMALL), frames, only)
    print(f"window: the last {WINDOW} frames of every stream, computed again for each new one")
    if out:
        (out / "stream.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def start(job: Job, only: str) -> dict[str, ContenderProcess]:
    """The process of each contender that is ready to run the job."""
    started = {}
    for name in CONTENDERS:
        if not re.search(only, name):
            continue
        environment = os.environ | {"OMP_NUM_THREADS": str(job.threads), "GLOG_minloglevel": "2"}
        contender = ContenderProcess("stream_contenders.py", (name, json.dumps(asdict(job))), environment)
        if contender.is_ready():
            started[name] = contender
        else:
            print(f"  {name}: not here (is its package installed?)")
    return started


def measure(job: Job, runs: int, only: str) -> tuple[dict[str, list[float]], Timings]:
    """(the seconds of each frame and of each window of each contender, the seconds of a frame and a window in each
    run), in interleaved runs.
    """
    started = start(job, only)
    each: dict[str, list[float]] = {}
    timings = Timings()
    for number in range(runs):
        print(f"run {number + 1} of {runs}", file=sys.stderr, flush=True)
        for name, contender in started.items():
            requests: tuple[tuple[str, dict[str, Any]], ...] = (
                (name, {"steps": STEPS}),
                (name + OF_WINDOW, {"windows": WINDOWS}),
            )
            for what, request in requests:
                each.setdefault(what, []).extend(timings.ask(what, contender, **request)["each"])
    for contender in started.values():
        contender.close()
    return each, timings


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def print_table(each: dict[str, list[float]], timings: Timings) -> None:
    """Print each contender's percentiles, and its ratios to the window and to the reference's step."""
    heads = ("50th", "95th", "99th")
    print(
        f"  {'ms a frame of all streams':26}{''.join(f'{head:>9}' for head in heads)}  99th/50th    window/  / PyTorch"
    )
    for name, seconds in each.items():
        if name.endswith(OF_WINDOW):
            continue
        middle, late, last = (percentile(seconds, share) for share in (0.5, 0.95, 0.99))
        spread = DISTURBED if timings.disturbed[name] else f"{last / middle:.2f}"
        reference = timings.ratio(name, REFERENCE) if REFERENCE in each else ""
        print(
            f"  {name:26}{1e3 * middle:9.2f}{1e3 * late:9.2f}{1e3 * last:9.2f}  {spread:>9}"
            f"{timings.ratio(name + OF_WINDOW, name):>11}{reference:>11}"
        )
    print(f"  {timings.note()}")


def print_memory(job: Job, frames: int, only: str) -> None:
    """Print the memory of each contender after a tenth of the frames, and how much more it is after all of them."""
    for name, contender in start(job, only).items():
        first = contender.ask(steps=frames // 10)["bytes"]
        last = contender.ask(steps=frames - frames // 10)["bytes"]
        contender.close()
        more = f"{(last - first) / 1e6:+.1f} MB after {frames}"
        print(f"  {name:26} {first / 1e6:6.0f} MB after {frames // 10} frames of {job.size}, {more}")
