"""One training of the comparison: a variant with a seed, trained, evaluated and remembered, or found finished."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, replace

from paddle_tsm.ablation.variants import Variant
from paddle_tsm.checkpoint.trained_file import LAST
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.evaluation.metrics import top_k_accuracy
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.evaluation.score import score_clips
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.models.load import load_model
from paddle_tsm.training.job import TrainingJob
from paddle_tsm.training.loop import train
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.run_folder import RESUME

RESULT = "result.json"  # of a run that is finished


@dataclass(frozen=True)
class RunResult:
    """What a training gave: `right` of `clips` held-out clips. seconds: of training and evaluating, by the clock;
    processor_seconds: of all threads together. Both count the last command alone where a training was stopped.
    """

    right: int
    clips: int
    seconds: float
    processor_seconds: float

    @property
    def top1(self) -> float:
        return self.right / self.clips


def run_folder(out: str, variant: Variant, seed: int) -> str:
    """The folder of a run."""
    return os.path.join(out, "runs", variant.folder(), f"seed{seed}")


def finished(folder: str) -> RunResult | None:
    """The result of a run that is finished; None for one that is not. Raises ValueError for a file that is damaged."""
    path = os.path.join(folder, RESULT)
    try:
        with open(path, encoding="utf-8") as file:
            return RunResult(**json.load(file))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise ValueError(f"{path}: is damaged; remove its folder, and the run is made again") from None


def make_run(
    variant: Variant,
    recipe: Recipe,
    classes: tuple[str, ...],
    folder: str,
    train_clips: list[Entry],
    val_clips: list[Entry],
    keep: bool,
) -> RunResult:
    """Train the variant, or go on with its training, and evaluate it. keep: whether the network stays in `folder`.

    Raises KeyboardInterrupt where Ctrl-C stopped the training; what is saved then is gone on with.
    """
    start, processor = time.perf_counter(), time.process_time()
    job = TrainingJob(train_clips, [], folder, class_names=classes, resume=True)
    stopped = train(replace(recipe, **variant.options), job).stopped
    if stopped is not None:  # the training took the signal for itself, to save what there is
        if stopped == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + stopped)
    weights = os.path.join(folder, LAST)
    scored = score_clips(run_of(load_model(weights)), ClipReader(val_clips, recipe.pixels(), recipe.num_segments))
    result = RunResult(
        round(top_k_accuracy(scored.scores, scored.labels, 1) * len(scored)),
        len(scored),
        time.perf_counter() - start,
        time.process_time() - processor,
    )
    with atomic_file(os.path.join(folder, RESULT)) as file:
        file.write(json.dumps(asdict(result)).encode())
    for name in (RESUME, *(() if keep else (LAST,))):  # 20 to 60 MB each
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))
    return result
