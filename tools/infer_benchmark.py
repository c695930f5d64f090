"""One clip through networks in every engine, with the same weights and threads: see `tools/benchmark.py infer`."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contender_process import ContenderProcess
from disturbance import DISTURBED, Timings
from infer_contenders import CONTENDERS, ROUGH, WITHOUT_SHIFT, Job
from rich.console import Console
from rich.progress import track

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.drawing.figure import figure, png
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.report.plots import COLOURS

ENGINES = ("Paddle Inference", "ONNX Runtime", "OpenVINO")
USUAL = Network("tsm_resnet50")
PLAIN = "Paddle Inference, Paddle's operator"  # what the network of `--arch` is measured against
BESIDE_OTHERS = ("Paddle Inference", PLAIN, "ONNX Runtime", "ONNX Runtime, int8", "ONNX Runtime, plain form")


@dataclass(frozen=True)
class Entry:
    """A network in one engine. contender: one of CONTENDERS."""

    network: Network
    contender: str

    @property
    def subject(self) -> str:
        """What the network is called."""
        return f"{self.network.arch}, {self.network.num_segments} frames"


def entries_for(arch: str, only: str) -> list[Entry]:
    """TSM-ResNet-50 in every engine; or it and the network `arch` with 8 and with 16 frames, in those of BESIDE_OTHERS.

    only: a regular expression, for the contenders that have it in their names.
    """
    networks, names = [USUAL], list(CONTENDERS)
    if arch:
        # a shift_div of T, as PaddleVideo has it; in TSM-ResNet-50 both are 8
        networks += [Network(arch, num_segments=frames, shift_div=frames) for frames in (8, 16)]
        names = [name for name in names if name in BESIDE_OTHERS]
    return [Entry(network, name) for network in networks for name in names if re.search(only, name)]


def benchmark_inference(runs: int, out: Path | None, only: str, arch: str, size: int, cold: bool) -> None:
    """Start every contender in a process of its own, and then run one clip in each in turn.

    out: a folder for infer.json and infer.png. only, arch: see `entries_for`. size: height and width of the frames.
    cold: the processors' caches are emptied before each clip.
    """
    threads = min(2, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        started = {}
        for number, entry in enumerate(with_progress(entries_for(arch, only), "starting")):
            contender = start(entry, folder, os.path.join(folder, str(number)), threads, size)
            if contender.is_ready():
                started[entry] = contender
            else:
                print(f"  {entry.subject}: {entry.contender}: not here (is its package installed?)")
        timings: dict[str, Timings] = defaultdict(Timings)  # of each subject
        for _ in with_progress(range(runs), "measuring"):
            for entry, contender in started.items():
                timings[entry.subject].ask(entry.contender, contender, cold=cold)
        for contender in started.values():
            contender.close()
    logits = {entry: contender.answers[-1]["logits"][0] for entry, contender in started.items()}
    before = "after the caches were emptied" if cold else "after one of its own"
    print(f"one clip, frames of {size}, {threads} threads; {runs} interleaved runs, each {before}")
    for subject, of_subject in timings.items():
        firsts = {entry.contender: first for entry, first in logits.items() if entry.subject == subject}
        print_table(subject, of_subject, firsts)
    if out:
        write_results(out, timings, threads, size)


def start(entry: Entry, folder: str, own_folder: str, threads: int, size: int) -> ContenderProcess:
    """The contender's process. folder: of the checkpoints, one for each network. own_folder: a path that is free."""
    network = entry.network
    checkpoint = os.path.join(folder, f"{network.arch}_{network.num_segments}.safetensors")
    if not os.path.exists(checkpoint):
        write_demo_checkpoint(checkpoint, network, "canonical")
    options = {"num_segments": network.num_segments, "shift_div": network.shift_div}
    job = Job(checkpoint, options, own_folder, threads, size)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "GLOG_minloglevel": "2"}
    return ContenderProcess("infer_contenders.py", (entry.contender, json.dumps(asdict(job))), environment)


def print_table(subject: str, timings: Timings, logits: dict[str, float]) -> None:
    """Print a network's medians, extremes and ratios, and each contender's first logit, which says whether they agree.

    The last ratio says how many times as long the plain form with Paddle's operator takes.
    """
    exact = [name for name in timings.seconds if WITHOUT_SHIFT not in name and name.split(", ")[-1] not in ROUGH]
    ratios_of = "/ no shift  / best float32   plain /"
    print(f"{subject}\n  {'':36}{'median':>8}{'fastest':>9}{'slowest':>9}  {ratios_of}  first logit")
    for name, values in timings.seconds.items():
        without = name.split(",")[0] + WITHOUT_SHIFT
        ratios = f"{timings.ratio(name, without) if without in timings.seconds else '':>12}"
        ratios += f"{timings.ratio(name, min(exact, key=timings.median)) if exact else '':>16}"
        ratios += f"{timings.ratio(PLAIN, name) if PLAIN in timings.seconds else '':>10}"
        median = timings.median(name)
        print(f"  {name:36}{median:6.3f} s{min(values):7.3f} s{max(values):7.3f} s{ratios}  {logits[name]:.6f}")
    print(f"  {timings.note()}")


def write_results(folder: Path, timings: dict[str, Timings], threads: int, size: int) -> None:
    """Write infer.json, and infer.png with a bar for each contender."""
    named, medians, contenders = {}, {}, {}
    for subject, of_subject in timings.items():
        for contender, values in of_subject.seconds.items():
            disturbed = of_subject.disturbed[contender]
            name = f"{subject}: {contender}" if len(timings) > 1 else contender
            name += f" ({DISTURBED})" * bool(disturbed)
            named[name], medians[name] = values, of_subject.median(contender)
            contenders[name] = {"seconds": values, "median": medians[name], "disturbed": disturbed}
    content: dict[str, Any] = {"threads": threads, "size": size, "contenders": contenders}
    (folder / "infer.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    drawing, axes = figure(
        f"One clip, frames of {size}, {threads} threads", "seconds, and fastest to slowest", "", log=False, height=4.6
    )
    names = list(reversed(named))
    spread = [[medians[n] - min(named[n]) for n in names], [max(named[n]) - medians[n] for n in names]]
    colours = [next((c for c, engine in zip(COLOURS, ENGINES) if engine in n), COLOURS[-1]) for n in names]
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
