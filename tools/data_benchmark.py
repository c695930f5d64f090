"""Frames a second from a video file to a network's input, against decord and PyAV: see `tools/benchmark.py data`."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path

import numpy as np
from benchmark_videos import make_kinds, make_video
from contender_process import ContenderProcess
from data_contenders import OURS, PEERS, SEGMENTS, WORKERS
from disturbance import Timings

MODES = {"train": "multi-scale crop", "test": "centre crop"}
ROUND_SECONDS = 0.6  # about the time of our reader in each round
COMPARED_CLIPS = 4  # whose values are compared with ours


def benchmark_data(runs: int, videos: list[str], only: str, clips: int) -> None:
    """Print frames a second for each kind of video with `only` in its name, or for each of `videos`; then the peak
    memory over `clips` clips.
    """
    found = [name for name in PEERS if importlib.util.find_spec(name)]
    missing = [name for name in PEERS if name not in found]
    with tempfile.TemporaryDirectory() as folder:
        kinds = {Path(video).name: video for video in videos} or make_kinds(folder, only)
        contenders = {name: start(name) for name in (OURS, *found)}
        if missing:
            print(f"not measured, because not installed: {', '.join(missing)}; pip install {' '.join(missing)}")
        print(f"frames a second, clips of {SEGMENTS}, {WORKERS} threads each; medians of {runs} interleaved rounds")
        names = "".join(f"{name:>12}" for name in contenders)
        print(f"  {'':34}{names}   ours / faster   largest difference to ours, and whether it was disturbed")
        for kind, path in kinds.items():
            for mode in MODES:
                row = table_row(contenders, path, mode == "train", runs, folder)
                print(f"  {kind + ', ' + mode:34}{row}", flush=True)
        for contender in contenders.values():
            contender.close()
        if clips:
            print_memory(folder, clips)


def start(name: str) -> ContenderProcess:
    """A process that reads clips on request."""
    return ContenderProcess("data_contenders.py", [name], os.environ | {"OMP_NUM_THREADS": "1"})


def table_row(contenders: dict[str, ContenderProcess], path: str, train: bool, runs: int, folder: str) -> str:
    """A row of the table: each contender's median, ours over the faster peer's, and the largest differences to ours.

    A round is as many clips as our reader takes about ROUND_SECONDS for.
    """
    request = {"paths": [path], "train": train, "first": 0}
    differences = differences_to_ours(contenders, request, folder)
    count = max(4, int(8 * ROUND_SECONDS / contenders[OURS].ask(**request, count=8)["seconds"]))
    timings = Timings()
    for number in range(runs):
        for name, contender in contenders.items():
            timings.ask(name, contender, **request | {"first": number * count}, count=count)
    peers = [name for name in contenders if name != OURS]
    # frames a second are the inverse of seconds
    ratio = timings.ratio(min(peers, key=timings.median), OURS) if peers else "-"
    apart = ", ".join(f"{name} {difference:.3f}" for name, difference in differences.items())
    rates = "".join(f"{count * SEGMENTS / timings.median(name):12.0f}" for name in contenders)
    return f"{rates}{ratio:>16}   {', '.join(filter(None, (apart, timings.note())))}"


def differences_to_ours(contenders: dict[str, ContenderProcess], request: dict, folder: str) -> dict[str, float]:
    """Peer -> the largest difference of its first clips to ours, in normalised values."""
    clips = {}
    for name, contender in contenders.items():
        contender.ask(**request, count=COMPARED_CLIPS, save=f"{folder}/{name}")
        clips[name] = [np.load(f"{folder}/{name}{number}.npy") for number in range(1, COMPARED_CLIPS + 1)]
    return {
        name: max(float(np.abs(a - b).max()) for a, b in zip(clips[OURS], clips[name]))
        for name in contenders
        if name != OURS
    }


def print_memory(folder: str, count: int) -> None:
    """Print the peak memory of a process that reads `count` clips of the same few videos, through either decoder."""
    paths = []
    for name, codec in (("h264.mp4", "libx264"), ("mpeg4.mp4", "mpeg4"), ("mpeg2.avi", "mpeg2video")):
        paths.append(f"{folder}/{name}")
        make_video(paths[-1], codec, (160, 120), gop=12, frames=60)
    for mode in MODES:
        contender = start(OURS)
        answer = contender.ask(paths=paths, train=mode == "train", first=0, count=count, pauses=True)
        contender.close()
        for clips_read, (peak, now) in answer["memory"].items():
            print(f"memory, {mode}: after {int(clips_read):6} clips peak {peak / 1e6:7.1f} MB, now {now / 1e6:7.1f} MB")
