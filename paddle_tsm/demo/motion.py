"""What the shift is for: a network with it and the same network without it, trained on videos in which only the order
of the frames tells the class.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.motion_videos import CLASSES, OPPOSITE, write_motion_videos
from paddle_tsm.data.train_draw import TrainDraw
from paddle_tsm.demo.settings import CHANCE, TRAIN_CLIPS, VAL_CLIPS
from paddle_tsm.evaluation.metrics import top_k_accuracy
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.evaluation.score import score_clips
from paddle_tsm.lists.annotations import Entry, read_list
from paddle_tsm.models.load import load_model
from paddle_tsm.training.job import TrainingJob
from paddle_tsm.training.loop import train
from paddle_tsm.training.recipe import Recipe

RECIPE = Recipe(
    arch="tsm_resnet10",
    num_classes=len(CLASSES),
    num_segments=8,
    dropout=0.0,
    size=32,
    epochs=3,
    batch=16,
    data_set="motion",
    optimizer="adamw",
    lr=1e-3,
    weight_decay=1e-4,
    schedule="cosine",
    warmup=0,
)


@dataclass(frozen=True)
class MotionResult:
    """How well one network recognises the held-out clips.

    top1: its top-1 accuracy. opposite: of the clips played backward, the share for which it predicts the opposite of
    what it predicts for the clip itself. seconds: of training. weights: the path of its checkpoint.
    """

    name: str
    top1: float
    opposite: float
    seconds: float
    weights: str


class BackwardReader(ClipReader):
    """A ClipReader that gives the frames of each clip in reverse order."""

    def read(self, entry: Entry, draw: TrainDraw | None) -> tuple[np.ndarray, bool]:
        clip, mirrored = super().read(entry, draw)
        return clip[::-1], mirrored


def train_motion_demo(out: str, done: Callable[[str], None]) -> tuple[list[MotionResult], int]:
    """Make the videos in the folder `out`, and train a network with the shift and one without it on them.

    Returns (the results in this order, the number of held-out clips). `done` is called with a line of text after each
    step. What an earlier demo left in `out` is replaced;
    what this one has made is removed where it is interrupted.
    """
    folder = os.path.join(out, "motion")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return make_and_train(folder, done)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def make_and_train(folder: str, done: Callable[[str], None]) -> tuple[list[MotionResult], int]:
    """`train_motion_demo` in a folder of its own."""
    train_list, val_list, _ = write_motion_videos(folder, TRAIN_CLIPS, VAL_CLIPS)
    done(f"made {(TRAIN_CLIPS + VAL_CLIPS) * len(CLASSES)} videos in {folder}: {', '.join(CLASSES)}")
    train_clips, val_clips = (read_list(path, root=folder, num_classes=len(CLASSES)) for path in (train_list, val_list))
    results = []
    for name, is_shift in (("TSM", True), ("TSN, the same without shift", False)):
        start = time.perf_counter()
        job = TrainingJob(train_clips, [], os.path.join(folder, "tsm" if is_shift else "tsn"), class_names=CLASSES)
        if train(replace(RECIPE, is_shift=is_shift), job).stopped is not None:
            raise KeyboardInterrupt  # the training took the signal for itself, to save what there is
        weights = os.path.join(job.out, "last.safetensors")
        seconds = time.perf_counter() - start
        results.append(MotionResult(name, *accuracies(weights, val_clips), seconds, weights))
        done(f"trained {name}")
    return results, len(val_clips)


def accuracies(weights: str, entries: list[Entry]) -> tuple[float, float]:
    """(`top1`, `opposite`) of the checkpoint at `weights` on the clips, as MotionResult defines them."""
    run = run_of(load_model(weights))
    forward, backward = (
        score_clips(run, reader(entries, RECIPE.pixels(), RECIPE.num_segments))
        for reader in (ClipReader, BackwardReader)
    )
    opposite = np.array([OPPOSITE[label] for label in range(len(CLASSES))])
    is_opposite = backward.scores.argmax(1) == opposite[forward.scores.argmax(1)]
    return top_k_accuracy(forward.scores, forward.labels, 1), float(is_opposite.mean())


def at_chance(top1: float, clips: int) -> bool:
    """Whether the accuracy on so many clips is that of guessing, within four standard deviations of the binomial
    distribution."""
    return abs(top1 - CHANCE) <= 4 * (CHANCE * (1 - CHANCE) / clips) ** 0.5
