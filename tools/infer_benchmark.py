"""One clip through TSM-ResNet-50 in every engine, the same weights and threads: see `tools/benchmark.py infer`."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from infer_contenders import CONTENDERS, ROUGH, WITHOUT

ROOT = Path(__file__).resolve().parent.parent
CLIP = (8, 3, 224, 224)
ENGINES = ("Paddle Inference", "ONNX Runtime", "OpenVINO")

PROGRAM = """
import json, os, sys, time
CHECKPOINT, FOLDER, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3])
sys.path.insert(0, {root!r})
import paddle_tsm
{contender}
import numpy as np
x = np.random.default_rng(0).standard_normal({clip}).astype("float32")
for _ in range(4): infer(x)
print("ready", flush=True)
for line in sys.stdin:
    infer(x)  # the others had the caches
    start = time.perf_counter(); logits = infer(x)
    print(json.dumps([time.perf_counter() - start, np.asarray(logits).ravel()[:5].tolist()]), flush=True)
"""


def infer(runs: int, out: str = "", only: str = "") -> None:
    """Every contender in a process of its own, all loaded, one clip each in turn. `out`: a folder for infer.json and
    infer.png. `only`: a regular expression, for the contenders that have it in their names.
    """
    from paddle_tsm.demo.material import write_demo_checkpoint
    from paddle_tsm.networks.network import Network

    threads = min(2, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, started = os.path.join(folder, "r50.safetensors"), {}
        write_demo_checkpoint(checkpoint, Network("tsm_resnet50"), "canonical")
        wanted = {name: contender for name, contender in CONTENDERS.items() if re.search(only, name)}
        for number, (name, contender) in enumerate(shown(wanted.items(), "starting")):
            process = start(contender, checkpoint, os.path.join(folder, str(number)), threads)
            if process is None:
                print(f"  {name}: not here (is its package installed?)")
            else:
                started[name] = process
        seconds, first = {name: [] for name in started}, {}
        for _ in shown(range(runs), "measuring"):
            for name, process in started.items():
                process.stdin.write("go\n")
                process.stdin.flush()
                took, first[name] = json.loads(process.stdout.readline())
                seconds[name].append(took)
        for process in started.values():
            process.stdin.close()
            process.wait()
    report(seconds, first, threads, runs, out)


def start(contender: str, checkpoint: str, folder: str, threads: int):
    """The contender's process once it is ready; None where it ends before."""
    program = PROGRAM.format(root=str(ROOT), contender=contender, clip=CLIP)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, checkpoint, folder, str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        env=os.environ | {"OMP_NUM_THREADS": str(threads), "GLOG_minloglevel": "2"},
    )
    return process if any(line == "ready\n" for line in iter(process.stdout.readline, "")) else None


def report(seconds: dict, first: dict, threads: int, runs: int, out: str) -> None:
    """The table: median, fastest, slowest, ratios, and each contender's first logit, so that it shows who computes
    what.
    """
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    exact = [median for name, median in medians.items() if WITHOUT not in name and name.split(", ")[-1] not in ROUGH]
    print(
        f"TSM-ResNet-50, 8 frames of 224, one clip, {threads} threads; {runs} interleaved runs, each after one of its own"
    )
    print(f"  {'':36}{'median':>8}{'fastest':>9}{'slowest':>9}  / no shift  / best float32  first logit")
    for name, values in seconds.items():
        without = medians.get(name.split(",")[0] + WITHOUT)
        shares = f"{medians[name] / without:12.2f}" if without else f"{'':12}"
        shares += f"{medians[name] / min(exact):16.2f}" if exact else f"{'':16}"
        print(
            f"  {name:36}{medians[name]:6.3f} s{min(values):7.3f} s{max(values):7.3f} s{shares}  {first[name][0]:.6f}"
        )
    if out:
        write(Path(out), seconds, medians, threads)


def write(folder: Path, seconds: dict, medians: dict, threads: int) -> None:
    """infer.json, and infer.png, a bar for each contender."""
    from paddle_tsm.parity.plots import COLOURS, figure, png

    contenders = {name: {"seconds": values, "median": medians[name]} for name, values in seconds.items()}
    (folder / "infer.json").write_text(
        json.dumps({"threads": threads, "clip": CLIP, "contenders": contenders}, indent=2) + "\n", "utf-8"
    )
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


def shown(steps, what: str):
    """The steps, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(list(steps), what, console=console, transient=True, disable=not console.is_terminal)
