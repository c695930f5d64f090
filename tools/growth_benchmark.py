"""Time and memory against frames, batch, resolution and the length of a list: see `tools/benchmark.py growth`."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_videos import SMALL, make_video
from contender_process import ContenderProcess
from disturbance import DISTURBED, Timings
from growth_contenders import CONTENDERS, EXPORT, FROM_VIDEOS, MODEL, WITH_NETWORK, Job
from growth_plot import growth_plot

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.networks.network import Network

LIMIT = 1.1  # the exponent of what grows as its work does, and a little
RESULTS = "growth.json"
THREADS = 2


@dataclass(frozen=True)
class Axis:
    """What grows. field: of a Job. values: from small to large. work: of a value."""

    field: str
    values: tuple[int, ...]
    work: Callable[[int], int] = int


NETWORK_AXES = (
    Axis("frames", (8, 16, 32)),
    Axis("batch", (1, 2, 4, 8, 16)),
    Axis("size", (112, 160, 224, 320), lambda size: size**2),
)
LONG = Axis("clips", (10, 100, 1000, 10_000, 100_000))
SHORT = Axis("clips", (10, 100, 1000))  # of lists whose videos are decoded
BASE = {"frames": 8, "batch": 1, "size": 224, "clips": 0}


@dataclass(frozen=True)
class Curve:
    """How the time and memory of a contender grow along an axis. seconds: medians. bytes: of the work alone. disturbed:
    the runs that were.
    """

    contender: str
    field: str
    values: list[int]
    seconds: list[float]
    bytes: list[int]
    peaks: list[int]
    disturbed: int


def axes_of(contender: str) -> tuple[Axis, ...]:
    """What grows for a contender."""
    if contender in WITH_NETWORK:
        return NETWORK_AXES
    return (SHORT if contender == FROM_VIDEOS else LONG,)


def benchmark_growth(runs: int, out: Path | None, only: str, arch: str) -> None:
    """Measure each contender along each of its axes, in a process for each point, and print the exponents.

    out: a folder for growth.json and growth.png. Curves of contenders that are not among `only`, and that growth.json
    has, are kept. arch: the network.
    """
    names, timings = [name for name in CONTENDERS if re.search(only, name)], Timings()
    usual = "one clip of {frames} frames of {size}".format(**BASE)
    print(f"{arch}, {usual} but for what grows; {THREADS} threads; medians of {runs} runs after one, a process a point")
    print(f"  {'':60} {'exponent of the time':>21} {'of the memory':>21}   times the work, time, memory")
    with tempfile.TemporaryDirectory() as folder:
        write_demo_checkpoint(f"{folder}/{MODEL}", Network(arch), "canonical")
        for name in names:
            known: dict[Job, dict] = {}  # the base is a point of several axes
            curves = []
            for axis in axes_of(name):
                curves.append(measure(name, axis, folder, runs, timings, known))
                print(table_row(curves[-1], axis), flush=True)
            if out:
                write_results(out, curves, arch, runs)
    print(f"  {timings.note()}")


def measure(name: str, axis: Axis, folder: str, runs: int, timings: Timings, known: dict[Job, dict]) -> Curve:
    """The contender's curve. folder: of its files. known: the last answer of each point that is measured already."""
    labels, answers = [], []
    for value in axis.values:
        job = Job(**BASE | {axis.field: value}, folder=folder, threads=THREADS)
        labels.append(f"{name} {job.frames} {job.batch} {job.size} {job.clips}")
        if job not in known:
            print(f"{name}: {axis.field} {value}", file=sys.stderr, flush=True)
            known[job] = measure_point(name, job, runs, timings, labels[-1])
        answers.append(known[job])
    medians, disturbed = list(map(timings.median, labels)), sum(timings.disturbed[label] for label in labels)
    sizes, peaks = ([answer[key] for answer in answers] for key in ("bytes", "peak"))
    return Curve(name, axis.field, list(axis.values), medians, sizes, peaks, disturbed)


def measure_point(name: str, job: Job, runs: int, timings: Timings, label: str) -> dict:
    """The last answer of a contender's process, whose runs `timings` keeps under this label."""
    prepare(name, job)
    contender = start(name, job)
    if not contender.is_ready():
        raise SystemExit(f"{name} with {job.frames} frames of {job.size}: not ready ({contender.close()})")
    contender.ask()
    for _ in range(runs):
        answer = timings.ask(label, contender)
    contender.close()
    return answer


def prepare(name: str, job: Job) -> None:
    """Make what the contender reads and does not make itself: the exports, or the list and its videos."""
    if job.clips:
        write_list(job)
    elif name.rsplit(" ", 1)[1] != "eager" and not os.path.exists(job.export):
        exporter = start(EXPORT, job)
        exporter.is_ready()
        exporter.ask()
        exporter.close()


def write_list(job: Job) -> None:
    """Write a list of so many videos, which are links to a few."""
    sources = [Path(job.folder, f"{codec}.mp4") for codec in ("libx264", "mpeg4")]
    for source in sources:
        if not source.exists():
            make_video(str(source), source.stem, SMALL, gop=12, frames=60)
    lines = []
    for number in range(job.clips):
        link = Path(job.folder, f"{number:06}.mp4")
        if not link.exists():
            link.hardlink_to(sources[number % len(sources)])
        lines.append(f"{link.name} {number % 8}\n")
    Path(job.folder, f"{job.clips}.txt").write_text("".join(lines), "utf-8")


def start(name: str, job: Job) -> ContenderProcess:
    """The contender's process."""
    environment = os.environ | {"OMP_NUM_THREADS": str(job.threads), "GLOG_minloglevel": "2"}
    return ContenderProcess("growth_contenders.py", (name, json.dumps(asdict(job))), environment)


def exponents(curve: Curve, axis: Axis, measured: list[float]) -> tuple[float, float]:
    """The exponent e of measured ~ work^e: over the whole curve by least squares, and over its last two points.

    A constant share hides growth from the first, where small points are a part; it hides less from the second.
    """
    work = np.log([axis.work(value) for value in curve.values])
    values = np.log(measured)
    return float(np.polyfit(work, values, 1)[0]), float((values[-1] - values[-2]) / (work[-1] - work[-2]))


def table_row(curve: Curve, axis: Axis) -> str:
    """The exponents of a curve, and how many times as much the largest point takes as the smallest."""
    title = f"{curve.contender}: {curve.field} {curve.values[0]} to {curve.values[-1]}"
    if curve.disturbed:
        return f"  {title}: {DISTURBED} ({curve.disturbed} runs)"
    texts = []
    for measured in (curve.seconds, curve.bytes):
        fitted, last = exponents(curve, axis, list(map(float, measured)))
        texts.append(f"{fitted:.2f}, end {last:.2f}{' (!)' if max(fitted, last) > LIMIT else '    '}")
    work = axis.work(curve.values[-1]) / axis.work(curve.values[0])
    times = [measured[-1] / measured[0] for measured in (curve.seconds, curve.bytes)]
    return f"  {title:60} {texts[0]:>21} {texts[1]:>21}   {work:.0f}, {times[0]:.1f}, {times[1]:.1f}"


def write_results(folder: Path, curves: list[Curve], arch: str, runs: int) -> None:
    """Write growth.json, with the curves that it had of other contenders, and growth.png."""
    path = folder / RESULTS
    new = {curve.contender for curve in curves}
    old: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["curves"] if path.exists() else []
    rows = [row for row in old if row["contender"] not in new] + [asdict(c) | {"runs": runs} for c in curves]
    rows.sort(key=lambda row: list(CONTENDERS).index(row["contender"]))
    path.write_text(json.dumps({"arch": arch, "threads": THREADS, "curves": rows}, indent=1) + "\n", "utf-8")
    (folder / "growth.png").write_bytes(growth_plot(rows, arch, THREADS))
