"""Whole work, from video files to scores and to updates of the weights: see `tools/benchmark.py work`."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from benchmark_videos import make_kinds
from contender_process import ContenderProcess
from disturbance import PAUSE, RETRIES, Timings, undisturbed
from work_contenders import CONTENDERS, ONE_THREAD_EACH, PEERS, Job

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.networks.network import Network

ARCH, SEGMENTS, SIZE, THREADS = "tsm_resnet50", 8, 224, 2
KIND = "H.264 320x240"  # of the videos that are made here: 10 s, a key frame every 12 and every 250 frames
BATCHES = 16  # of a round of evaluate and predict: the more, the less it counts that nothing is read before the first
KINDS = ("evaluate", "predict", "train")
NEEDED = PEERS | {"mmaction2": "mmaction"}
ALONE = ", network alone"
SET_ELSEWHERE = ("OMP_", "MKL_", "KMP_", "GOMP_", "MALLOC_", "GLIBC_TUNABLES", "FLAGS_", "PADDLE_")


def benchmark_work(runs: int, videos: list[str], only: str, batch: int) -> None:
    """Each contender of a kind works through the same videos in turn, and then runs the network alone.

    only: a regular expression, for the contenders that have it in their names ("evaluate", "predict", "train").
    videos: in place of those that are made here. batch: clips of a forward pass or an update.
    """
    names = [name for name in CONTENDERS if re.search(only, name)]
    wanted = {name: NEEDED.get(name.partition(": ")[2]) for name in names}
    missing = [name for name, package in wanted.items() if package and not importlib.util.find_spec(package)]
    if missing:
        print(f"not measured, because not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = f"{folder}/network.pth"
        write_demo_checkpoint(checkpoint, Network(ARCH, num_classes=400), layout="mmaction2")
        paths = videos or list(make_kinds(folder, KIND).values())
        job = Job(checkpoint, [str(Path(path).absolute()) for path in paths], batch, SIZE, SEGMENTS)
        print(f"{ARCH}, {SEGMENTS} frames of {SIZE}, batches of {batch}, {THREADS} threads; {runs} interleaved rounds")
        for kind in KINDS:  # not all at once, because a training takes some gigabytes
            own = [name for name in names if name.startswith(kind) and name not in missing]
            if own:
                benchmark_kind(own, job, runs)


def benchmark_kind(names: list[str], job: Job, runs: int) -> None:
    """Measure the contenders of one kind, and print their table."""
    contenders = {name: start(name, job) for name in names}
    failed = [name for name, contender in contenders.items() if not contender.is_ready()]
    for name in failed:
        print(f"{name}: {contenders.pop(name).last_words()}", file=sys.stderr)
    measured = measure(contenders, job.batch, runs)
    for contender in contenders.values():
        contender.close()
    print_table(measured, contenders)


def start(name: str, job: Job) -> ContenderProcess:
    """A process that does whole work on request."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(SET_ELSEWHERE)}
    processors = sorted(os.sched_getaffinity(0))[:THREADS]
    arguments = (name, json.dumps(dataclasses.asdict(job)))
    return ContenderProcess("work_contenders.py", arguments, environment, processors)


def clips_a_round(name: str, batch: int, alone: bool) -> int:
    """How many clips a contender works through in a round. alone: without reading them."""
    return batch if alone or name.startswith("train") else BATCHES * batch


def measure(contenders: dict[str, ContenderProcess], batch: int, runs: int) -> Timings:
    """Seconds a clip of each contender in each round; those of its network alone under its name and ALONE."""
    timings = Timings()
    for number in range(runs + 1):
        print(f"round {number} of {runs}", file=sys.stderr, flush=True)
        for name, contender in contenders.items():
            for alone in (False, True) if name != ONE_THREAD_EACH else (False,):
                count = clips_a_round(name, batch, alone)
                if number == 0:  # the first round is not counted
                    contender.ask(count=count, alone=alone)
                    continue
                measured = name + ALONE if alone else name
                retries = 0 if timings.disturbed[measured] else RETRIES
                request = partial(contender.ask, count=count, alone=alone)
                answer, disturbed = undisturbed(request, contender.process.pid, retries, PAUSE)
                timings.add(measured, answer["seconds"] / count, disturbed)
    return timings


def print_table(timings: Timings, contenders: dict[str, ContenderProcess]) -> None:
    """Print each contender's clips a second, the network's share, ours over it, and how far its results are from ours.

    The share is the time of the network alone over that of the whole work.
    """
    print(
        f"  {'':58} {'clips/s':>8} {'fastest':>8} {'slowest':>8} {'network':>9} {'ours / it':>10}  largest difference"
    )
    for name, contender in contenders.items():
        seconds, ours = timings.seconds[name], name.partition(":")[0] + ": paddle_tsm"
        share = timings.ratio(name + ALONE, name) if name + ALONE in timings.seconds else "-"
        over = timings.ratio(name, ours) if ours in contenders else "-"
        drawn = name.startswith("train")  # chance cuts out each one's own clips
        apart = "-" if drawn else f"{difference(contender, contenders.get(ours, contender)):.1e}"
        print(
            f"  {name:56}{1 / timings.median(name):10.2f}{1 / min(seconds):10.2f}{1 / max(seconds):10.2f}{share:>10}"
            f"{over:>11}  {apart}"
        )
    print(f"  {timings.note()}")


def difference(a: ContenderProcess, b: ContenderProcess) -> float:
    """The largest difference of two contenders' first results."""
    first, second = (np.array(one.answers[0]["result"]) for one in (a, b))
    return float(abs(first - second).max())
