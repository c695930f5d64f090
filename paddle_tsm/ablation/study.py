"""The whole comparison in a folder: videos, a training for every variant and seed, and latencies.

What is finished is not done again, so that a study that was stopped goes on, and one with more seeds or variants adds
what is missing.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from paddle_tsm.ablation.latency import Latency, Setting, time_variant
from paddle_tsm.ablation.trained_run import RunResult, finished, make_run, run_folder
from paddle_tsm.ablation.variants import Variant
from paddle_tsm.data.annotations import Entry, read_list
from paddle_tsm.data.motion_videos import CLASSES, write_motion_videos
from paddle_tsm.demo.motion import RECIPE
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.training.recipe import Recipe

SETTINGS = "settings.json"  # what all runs of a folder have in common
LISTS = ("train.txt", "val.txt", "classes.txt")


@dataclass(frozen=True)
class Settings:
    """What all trainings of a study have in common. train_clips, val_clips: of each class."""

    arch: str = RECIPE.arch
    epochs: int = 2
    train_clips: int = 85
    val_clips: int = 60

    def recipe(self, seed: int) -> Recipe:
        """That of `paddle-tsm demo --train`, but for the options here. Raises ValueError as Recipe does."""
        return replace(RECIPE, arch=self.arch, epochs=self.epochs, seed=seed)


@dataclass
class Findings:
    """What was found of a variant: a result for each seed, and its latency, where that was asked for."""

    variant: Variant
    runs: list[RunResult]
    latency: Latency | None = None


def run_study(
    out: str,
    variants: list[Variant],
    seeds: int,
    settings: Settings,
    timing: Setting | None,
    say: Callable[[str], None],
) -> list[Findings]:
    """Make what is missing of the study in the folder `out`. seeds: 0 to seeds - 1. timing: None: no latencies.

    say: is called with a line of text before and after each part. Raises ValueError where the folder holds a study of
    other settings, and KeyboardInterrupt.
    """
    keep_settings(out, settings)
    train_clips, val_clips = videos(out, settings, say)
    found = {one: Findings(one, []) for one in variants}
    # all variants with one seed first, so that a study that was stopped compares them all
    pairs = [(seed, one) for seed in range(seeds) for one in variants]
    began, made = time.perf_counter(), 0
    for number, (seed, one) in enumerate(pairs, 1):
        folder, title = run_folder(out, one, seed), f"{number}/{len(pairs)} {one.name}, seed {seed}"
        result = finished(folder)
        if result is None:
            say(f"{title}: training")
            result = make_run(one, settings.recipe(seed), folder, train_clips, val_clips, keep=seed == 0)
            made += 1
            left = (
                (time.perf_counter() - began)
                / made
                * sum(finished(run_folder(out, v, s)) is None for s, v in pairs[number:])
            )
            say(
                f"{title}: {100 * result.top1:.1f} % of {result.clips} clips, {result.seconds:.0f} s, "
                f"{result.processor_seconds:.0f} s of processor; about {left / 60:.0f} min of training left"
            )
        else:
            say(f"{title}: finished before, {100 * result.top1:.1f} %")
        found[one].runs.append(result)
    if timing is not None:
        for one in variants:
            say(f"{one.name}: timing {timing.runs} runs of {timing.arch} at {timing.size} pixels")
            found[one].latency = time_variant(one, timing)
    return list(found.values())


def videos(out: str, settings: Settings, say: Callable[[str], None]) -> tuple[list[Entry], list[Entry]]:
    """The clips for training and the held-out ones; the videos are made where they are not there."""
    folder = os.path.join(out, "videos")
    if not all(os.path.exists(os.path.join(folder, name)) for name in LISTS):  # the lists are written last
        say(f"making {(settings.train_clips + settings.val_clips) * len(CLASSES)} videos")
        write_motion_videos(folder, settings.train_clips, settings.val_clips)
    train_clips, val_clips = (
        read_list(os.path.join(folder, name), root=folder, num_classes=len(CLASSES)) for name in LISTS[:2]
    )
    return train_clips, val_clips


def keep_settings(out: str, settings: Settings) -> None:
    """Write the settings. Raises ValueError where the folder holds a study of others."""
    path, content = os.path.join(out, SETTINGS), dataclasses.asdict(settings)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            try:
                there = json.load(file)
            except ValueError:
                raise ValueError(
                    f"{path}: is no JSON; wanted what `paddle-tsm ablation` wrote, or another --out"
                ) from None
        if there != content:
            raise ValueError(f"{out}: has an ablation of other settings, {there}, got {content}; wanted another --out")
        return
    with atomic_file(path) as file:
        file.write(json.dumps(content).encode())
