"""One clip through TSM-ResNet-50 in every engine, with the same weights and threads: see `tools/benchmark.py infer`."""

from __future__ import annotations

import json
import os
import re
import statistics
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from contender_process import ContenderProcess
from infer_contenders import CLIP, CONTENDERS, ROUGH, WITHOUT_SHIFT
from rich.console import Console
from rich.progress import track

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.drawing.figure import figure, png
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.plots import COLOURS

ENGINES = ("Paddle Inference", "ONNX Runtime", "OpenVINO")


def benchmark_inference(runs: int, out: str = "", only: str = "") -> None:
    """Start every contender in a process of its own, and then run one clip in each in turn.

    out: a folder for infer.json and infer.png. only: a regular expression, for the contenders that have it in their
    names.
    """
    threads = min(2, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = os.path.join(folder, "r50.safetensors")
        write_demo_checkpoint(checkpoint, Network("tsm_resnet50"), "canonical")
        started = {}
        names = [name for name in CONTENDERS if re.search(only, name)]
        for number, name in enumerate(with_progress(names, "starting")):
            contender = start(name, checkpoint, os.path.join(folder, str(number)), threads)
            if contender.is_ready():
                started[name] = contender
            else:
                print(f"  {name}: not here (is its package installed?)")
        for _ in with_progress(range(runs), "measuring"):
            for contender in started.values():
                contender.ask()
        for contender in started.values():
            contender.close()
    seconds = {name: [one["seconds"] for one in contender.answers] for name, contender in started.items()}
    logits = {name: contender.answers[-1]["logits"][0] for name, contender in started.items()}
    print_table(seconds, logits, threads, runs)
    if out:
        write_results(Path(out), seconds, threads)


def start(name: str, checkpoint: str, folder: str, threads: int) -> ContenderProcess:
    """The contender's process."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "GLOG_minloglevel": "2"}
    return ContenderProcess("infer_contenders.py", (name, checkpoint, folder, str(threads)), environment)


def print_table(seconds: dict[str, list[float]], logits: dict[str, float], threads: int, runs: int) -> None:
    """Print medians, extremes and ratios, and each contender's first logit, which says whether they agree."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    exact = [
        median for name, median in medians.items() if WITHOUT_SHIFT not in name and name.split(", ")[-1] not in ROUGH
    ]
    print(
        f"TSM-ResNet-50, 8 frames of 224, one clip, {threads} threads; "
        f"{runs} interleaved runs, each after one of its own"
    )
    print(f"  {'':36}{'median':>8}{'fastest':>9}{'slowest':>9}  / no shift  / best float32  first logit")
    for name, values in seconds.items():
        without = medians.get(name.split(",")[0] + WITHOUT_SHIFT)
        ratios = f"{medians[name] / without:12.2f}" if without else f"{'':12}"
        ratios += f"{medians[name] / min(exact):16.2f}" if exact else f"{'':16}"
        print(f"  {name:36}{medians[name]:6.3f} s{min(values):7.3f} s{max(values):7.3f} s{ratios}  {logits[name]:.6f}")


def write_results(folder: Path, seconds: dict[str, list[float]], threads: int) -> None:
    """Write infer.json, and infer.png with a bar for each contender."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    contenders = {name: {"seconds": values, "median": medians[name]} for name, values in seconds.items()}
    content: dict[str, Any] = {"threads": threads, "clip": CLIP, "contenders": contenders}
    (folder / "infer.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    drawing, axes = figure(
        f"A clip of 8 frames, {threads} threads", "seconds, and fastest to slowest", "", log=False, height=4.6
    )
    names = list(reversed(seconds))
    spread = [[medians[n] - min(seconds[n]) for n in names], [max(seconds[n]) - medians[n] for n in names]]
    colours = [next((c for c, engine in zip(COLOURS, ENGINES) if n.startswith(engine)), COLOURS[-1]) for n in names]
    axes.barh(
        names,
        [medians[n] for n in names],
        xerr=spread,
        color=colours,
        error_kw={"elinewidth": 0.8, "ecolor": "#555555"},
    )
    axes.tick_params(axis="y", labelsize=8)
    (folder / "infer.png").write_bytes(png(drawing))


def with_progress(steps: Iterable[Any], what: str) -> Iterable[Any]:
    """The steps, with a progress bar where standard error is a terminal."""
    console = Console(stderr=True)
    return track(list(steps), what, console=console, transient=True, disable=not console.is_terminal)
