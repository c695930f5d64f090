"""The whole comparison in a folder: videos, a training for every variant and seed, and latencies.

What is finished is not done again, so that a study that was stopped goes on, and one with more seeds or variants adds
what is missing.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from paddle_tsm.ablation.accuracy import Accuracy, accuracy_of
from paddle_tsm.ablation.latency import Latency, Setting, time_variant
from paddle_tsm.ablation.trained_run import RunResult, finished, make_run, run_folder
from paddle_tsm.ablation.variants import Variant
from paddle_tsm.data.motion_videos import CLASSES, OUTLINES, bag_generator, draw_states, write_motion_videos
from paddle_tsm.demo.motion import RECIPE
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.lists.annotations import Entry, read_list
from paddle_tsm.training.recipe import Recipe

SETTINGS = "settings.json"  # what all runs of a folder have in common
TASKS = {"motion": CLASSES, "shape": tuple(OUTLINES)}  # the classes of each
LISTS = ("train.txt", "val.txt", "classes.txt")


@dataclass(frozen=True)
class Settings:
    """What all trainings of a study have in common. train_clips, val_clips: of each motion. task: of TASKS; "motion"
    asks for the motion of a clip, which the order of its frames alone tells, "shape" for the shape that moves, which
    any one of its frames tells.
    """

    arch: str = RECIPE.arch
    epochs: int = 2
    train_clips: int = 85
    val_clips: int = 60
    task: str = "motion"

    def recipe(self, seed: int) -> Recipe:
        """That of `paddle-tsm demo --train`, but for the options here. Raises ValueError as Recipe does."""
        recipe = replace(RECIPE, arch=self.arch, epochs=self.epochs, seed=seed, num_classes=len(self.classes))
        return recipe if self.task == "motion" else replace(recipe, data_set=None)  # a mirrored shape is the same one

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return TASKS[self.task]

    @property
    def alike(self) -> int:
        """How many held-out clips are one case, not several: the clips of a bag show the same pictures."""
        return 1 if self.task == "motion" else len(CLASSES)


@dataclass
class Findings:
    """What was found of a variant: a result for each seed, and its latency, where that was asked for. alike: as in
    Settings.
    """

    variant: Variant
    alike: int
    runs: list[RunResult]
    latency: Latency | None = None

    def accuracy(self) -> Accuracy:
        return accuracy_of(self.runs, self.alike)


def run_study(
    out: str,
    variants: list[Variant],
    seeds: int,
    settings: Settings,
    timing: Setting | None,
    say: Callable[[str], None],
) -> list[Findings]:
    """Make what is missing of the study in the folder `out`, and time every variant anew. seeds: 0 to seeds - 1.
    timing: None: no latencies.

    say: is called with a line of text before and after each part. Raises ValueError where the folder holds a study of
    other settings, and KeyboardInterrupt.
    """
    keep_settings(out, settings)
    clips = videos(out, settings, say)
    found = {one: Findings(one, settings.alike, []) for one in variants}
    # all variants with one seed first, so that a study that was stopped compares them all
    for one, result in trained(out, [(seed, one) for seed in range(seeds) for one in variants], settings, clips, say):
        found[one].runs.append(result)
    if timing is not None:
        for number, one in enumerate(variants, 1):
            say(f"{number}/{len(variants)} {one.name}: timing {timing.arch} at {timing.size} pixels")
            found[one].latency = time_variant(one, timing)
    return list(found.values())


def trained(
    out: str,
    pairs: list[tuple[int, Variant]],
    settings: Settings,
    clips: tuple[list[Entry], list[Entry]],
    say: Callable[[str], None],
) -> Iterator[tuple[Variant, RunResult]]:
    """Yield (variant, result) for each pair of a seed and a variant, which is trained where it is not finished. The
    network of seed 0 stays.
    """
    began, made = time.perf_counter(), 0
    for number, (seed, one) in enumerate(pairs, 1):
        folder, title = run_folder(out, one, seed), f"{number}/{len(pairs)} {one.name}, seed {seed}"
        result = finished(folder)
        if result is not None:
            say(f"{title}: finished before, {100 * result.top1:.1f} %")
            yield one, result
            continue
        say(f"{title}: training")
        result = make_run(one, settings.recipe(seed), settings.classes, folder, *clips, keep=seed == 0)
        made += 1
        missing = sum(finished(run_folder(out, other, later)) is None for later, other in pairs[number:])
        minutes = (time.perf_counter() - began) / made * missing / 60
        say(
            f"{title}: {100 * result.top1:.1f} % of {result.clips} clips, {result.seconds:.0f} s, "
            f"{result.processor_seconds:.0f} s of processor"
            + (f"; about {minutes:.0f} min of training left" if missing else "")
        )
        yield one, result


def videos(out: str, settings: Settings, say: Callable[[str], None]) -> tuple[list[Entry], list[Entry]]:
    """The clips for training and the held-out ones; the videos are made where they are not there."""
    folder = os.path.join(out, "videos")
    if not all(os.path.exists(os.path.join(folder, name)) for name in LISTS):  # the lists are written last
        say(f"making {(settings.train_clips + settings.val_clips) * len(CLASSES)} videos")
        write_motion_videos(folder, settings.train_clips, settings.val_clips)
    train_clips, val_clips = (
        read_list(os.path.join(folder, name), root=folder, num_classes=len(CLASSES)) for name in LISTS[:2]
    )
    if settings.task == "shape":
        return with_shapes(train_clips, 0), with_shapes(val_clips, settings.train_clips)
    return train_clips, val_clips


def with_shapes(entries: list[Entry], first_bag: int) -> list[Entry]:
    """The clips, whose labels become the places of their shapes in OUTLINES. first_bag: the first clip's."""
    bags = [first_bag + place // len(CLASSES) for place in range(len(entries))]
    return [replace(entry, labels=(draw_states(bag_generator(bag, 0))[2],)) for entry, bag in zip(entries, bags)]


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
