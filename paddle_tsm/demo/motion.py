"""What the shift is for: one network with it and without it, trained on videos in which only the order of frames
counts.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, replace

import numpy as np

from paddle_tsm.data.annotations import read_list
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.motion_videos import CLASSES, OPPOSITE, write_motion_videos
from paddle_tsm.evaluation.metrics import top_k_accuracy
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.evaluation.score import score_clips
from paddle_tsm.models.load import load_model
from paddle_tsm.training.loop import TrainingJob, train
from paddle_tsm.training.recipe import Recipe

TRAIN_CLIPS, VAL_CLIPS = 85, 30  # of each class
CHANCE, WANTED = 1 / len(CLASSES), 0.95  # top-1: by guessing, and of a network that sees the order
RECIPE = Recipe(
    arch="tsm_resnet10", num_classes=len(CLASSES), num_segments=8, dropout=0.0, size=32, epochs=3, batch=16,
    data_set="motion", optimizer="adamw", lr=1e-3, weight_decay=1e-4, schedule="cosine", warmup=0,
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """One network's result. top1: of the held-out clips; opposite: of their reversals, the share that got the opposite
    label of the clip's own prediction."""

    name: str
    top1: float
    opposite: float
    seconds: float
    weights: str


class Backward(ClipReader):
    """The same clips, their frames in reverse order."""

    def __getitem__(self, key):
        clip, labels, index = super().__getitem__(key)
        return clip[::-1], labels, index


def train_motion_demo(out: str, done) -> tuple[list[Shown], int]:
    """Make the videos in `out`, train both networks on them; returns their results and the number of held-out clips.

    done(text) is called after each part. A demo that was begun in `out` before is made anew.
    """
    folder = os.path.join(out, "motion")
    shutil.rmtree(folder, ignore_errors=True)
    train_list, val_list, _ = write_motion_videos(folder, TRAIN_CLIPS, VAL_CLIPS)
    done(f"made {(TRAIN_CLIPS + VAL_CLIPS) * len(CLASSES)} videos in {folder}: {', '.join(CLASSES)}")
    lists = [read_list(path, root=folder, num_classes=len(CLASSES)) for path in (train_list, val_list)]
    shown = []
    for name, is_shift in (("TSM", True), ("TSN, the same without shift", False)):
        start = time.perf_counter()
        plan = TrainingJob(lists[0], [], os.path.join(folder, "tsm" if is_shift else "tsn"), class_names=CLASSES)
        recipe = replace(RECIPE, is_shift=is_shift)
        train(recipe, plan)
        weights = os.path.join(plan.out, "last.safetensors")
        seconds = time.perf_counter() - start
        shown.append(Shown(name, *accuracy(weights, lists[1]), seconds, weights))
        done(f"trained {name}")
    return shown, len(lists[1])


def accuracy(weights: str, entries: list) -> tuple[float, float]:
    """(top-1, share of reversed clips that get the opposite label of the clip itself)."""
    run = run_of(load_model(weights))
    forward, backward = (
        score_clips(run, reader(entries, RECIPE.pixels(), RECIPE.num_segments)) for reader in (ClipReader, Backward)
    )
    opposite = np.array([OPPOSITE[label] for label in range(len(CLASSES))])
    reversed_right = backward.scores.argmax(1) == opposite[forward.scores.argmax(1)]
    return top_k_accuracy(forward.scores, forward.labels, 1), float(reversed_right.mean())


def at_chance(top1: float, clips: int) -> bool:
    """Whether the accuracy is what guessing gives, within four standard deviations of the binomial distribution."""
    return abs(top1 - CHANCE) <= 4 * (CHANCE * (1 - CHANCE) / clips) ** 0.5
