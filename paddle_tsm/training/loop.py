"""The training loop: updates, validations, checkpoints, and how it ends."""

from __future__ import annotations

import contextlib
import math
import os
import time
from dataclasses import dataclass, field
from itertools import islice

from paddle_tsm.checkpoint import CheckpointError
from paddle_tsm.data.annotations import Entry
from paddle_tsm.data.bad_clips import BadClip, SkippedClips
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.frame_source import FrameSource
from paddle_tsm.data.read_ahead import read_ahead
from paddle_tsm.models.load import load_pretrained
from paddle_tsm.training.announcements import announcements
from paddle_tsm.training.log import TrainingLog
from paddle_tsm.training.order import batches_of, steps_of
from paddle_tsm.training.processes import Processes
from paddle_tsm.training.progress import Show
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.run_folder import (
    BEST,
    GO_ON,
    LAST,
    RESUME,
    check_folder,
    digest_of,
    make_folder,
    write_model,
)
from paddle_tsm.training.session import Session
from paddle_tsm.training.stop import stop_request
from paddle_tsm.training.validate import validate
from paddle_tsm.training.weight_update import Diverged, update


@dataclass(frozen=True)
class TrainingJob:
    """What a training reads and writes, beside its recipe. Nothing here changes a number of its result.

    out: the folder. validation: may be empty. class_names: in the classes' order, or (); every network that is saved
    has them. workers: threads that read clips, in each process. save_every: updates between two saves of
    `resume.safetensors`; an epoch's end, Ctrl-C and SIGTERM save as well.
    """

    train: list[Entry]
    validation: list[Entry]
    out: str
    source: FrameSource = FrameSource()
    workers: int = 2
    save_every: int = 500
    skip_bad: bool = False
    resume: bool = False
    pretrained: str | None = None
    keep_classifier: bool = False
    class_names: tuple[str, ...] = ()


@dataclass
class Outcome:
    """How a training ended: `stopped` by a signal's number or None; the last validation and the best one's epoch."""

    stopped: int | None = None
    validation: dict = field(default_factory=dict)
    best: float | None = None
    best_epoch: int | None = None
    skipped: SkippedClips = field(default_factory=SkippedClips)


def train(recipe: Recipe, job: TrainingJob, processes: Processes = Processes()) -> Outcome:
    """Train as the recipe says. The folder then holds `last.safetensors` and, with a validation list,
    `best.safetensors` (networks that every command loads), `resume.safetensors`, `train.csv` and `validation.csv`.

    Raises ValueError for a folder that holds another training, a clip that cannot be read (unless `job.skip_bad`), and
    a loss that is not finite.
    """
    steps = steps_of(len(job.train), recipe.batch)
    rates = recipe.rates(steps)
    session, resumed = open_session(recipe, job, processes)
    position = session.position
    log = None
    if processes.is_first:
        make_folder(job.out)
        if not resumed:
            session.save(os.path.join(job.out, RESUME))
        log = TrainingLog(job.out, position.epoch, position.step, steps, recipe.multi_label)
    done = position.epoch * steps + position.step
    show = Show(recipe.epochs * steps, done, recipe.epochs, recipe.num_segments, quiet=not processes.is_first)
    if resumed and position.epoch < recipe.epochs:
        show.line(f"going on at epoch {position.epoch + 1}, update {position.step + 1}")
    if position.epoch < recipe.epochs:
        for line in announcements(
            recipe, {label for entry in job.train for label in entry.labels}, session.class_names
        ):
            show.line(f"note: {line}")
        if note := rate_note(recipe, len(job.train), processes.count):
            show.line(f"note: {note}")
    else:
        show.line(f"all {recipe.epochs} epochs are done already")
    with stop_request() as request, show, contextlib.closing(log) if log else contextlib.nullcontext():
        return Run(session, job, processes, log, show, request, rates).to_the_end()


def rate_note(recipe: Recipe, clips: int, processes: int = 1) -> str | None:
    """One line where the rate was published for another number of clips in an update than a training on `clips` clips
    has; None where it was not.
    """
    in_update = min(recipe.batch, clips)
    if recipe.lr_batch in (None, in_update):
        return None
    parts = [f"{recipe.batch} clips"]
    if clips < recipe.batch:
        parts = [f"the list's {clips} clips"]
    if processes > 1:
        parts.append(f"over {processes} processes")
    if recipe.accumulate > 1:
        parts.append(f"in {recipe.accumulate} parts" + " each" * (processes > 1))
    changes = f"batch={clips} " * (clips < recipe.batch) + "lr=auto"
    return (
        f"lr={recipe.lr:g} was published for updates of {recipe.lr_batch} clips, these have {' '.join(parts)}: "
        f"--set {changes} scales it to {recipe.scaled_lr(in_update):g}"
    )


def open_session(recipe: Recipe, job: TrainingJob, processes: Processes) -> tuple[Session, bool]:
    """The training at its start, or where it was left, and whether that is so."""
    resumed = processes.from_first(lambda: check_folder(job.out, job.resume))
    session = Session(recipe, digest_of(job.train), job.class_names)
    if resumed:
        session.restore(os.path.join(job.out, RESUME))
    elif job.pretrained:
        load_pretrained(
            session.model, job.pretrained, without_classifier=not job.keep_classifier, shift_order=recipe.shift_order
        )
    return session, resumed


class Run:
    """One process's run of a training, from its session's position to the end or to a signal."""

    def __init__(self, session, job: TrainingJob, processes: Processes, log, show: Show, request, rates):
        self.session, self.job, self.processes, self.log, self.show = session, job, processes, log, show
        self.request, self.rates, self.steps = request, rates, rates.shape[1]
        recipe = session.recipe
        self.recipe, self.outcome = recipe, Outcome()
        options = {"source": job.source, "seed": recipe.seed, "skip_bad": job.skip_bad}
        self.reader = ClipReader(job.train, recipe.pixels(), recipe.num_segments, train=True, **options)
        self.validation = ClipReader(job.validation, recipe.pixels(), recipe.num_segments, **options)

    def to_the_end(self) -> Outcome:
        position, shares = self.session.position, self.shares()
        keys = (key for _, share in self.shares() for key in share)
        clips = read_ahead(self.reader, keys, self.job.workers)
        with contextlib.closing(clips):
            for step, share in shares:
                self.one_update(position.epoch, step, share, clips)
                position.step = step + 1
                stopped = self.stop_signal()
                if step + 1 == self.steps:
                    self.end_epoch()
                elif stopped or position.step % self.job.save_every == 0:
                    self.save()
                if stopped:
                    self.outcome.stopped = stopped
                    break
        self.outcome.best, self.outcome.best_epoch = position.best, position.best_epoch
        for bad in [bad for part in self.processes.gather(list(self.outcome.skipped)) for bad in part]:
            self.outcome.skipped.add(bad)
        return self.outcome

    def shares(self):
        """(step, this process's keys) of every batch that is left."""
        first = self.session.position.step
        for epoch in range(self.session.position.epoch, self.recipe.epochs):
            batches = batches_of(len(self.reader), self.recipe.batch, self.recipe.seed, epoch)
            for step, batch in enumerate(batches[first:], first):
                yield step, self.processes.share(batch)
            first = 0

    def one_update(self, epoch: int, step: int, share: list, clips) -> None:
        start = time.perf_counter()
        samples = []
        for key, sample in zip(share, islice(clips, len(share))):
            if isinstance(sample, BadClip):
                if self.outcome.skipped.add(sample):
                    self.show.line(f"skipped {sample}")
            else:
                samples.append((sample[0], sample[1], key))
        waited, lr = time.perf_counter() - start, float(self.rates[epoch, step])
        try:
            result = update(self.session, samples, self.processes, lr)
        except Diverged as error:
            raise ValueError(
                f"epoch {epoch + 1}, update {step + 1}: {error}; the training has diverged; {self.job.out} holds what was "
                f"saved before; try a learning rate below {lr:g}, or a longer warm-up"
            ) from None
        if self.log:
            self.log.update(epoch, step, lr, result, time.perf_counter() - start)
        self.show.update(epoch, result, waited)

    def stop_signal(self) -> int | None:
        """A signal that any of the processes has received."""
        return max(self.processes.gather(self.request.signal or 0)) or None

    def end_epoch(self) -> None:
        position = self.session.position
        epoch, text = position.epoch, self.show.end_epoch(position.epoch)
        better = False
        if self.job.validation:
            values = validate(self.session, self.validation, self.processes, batch=8, workers=self.job.workers,
                              skipped=self.outcome.skipped, progress=self.show.validating)  # fmt: skip
            self.outcome.validation = values
            score = values["mean_average_precision" if self.recipe.multi_label else "top1"]
            better = not math.isnan(score) and (position.best is None or score > position.best)
            if better:
                position.best, position.best_epoch = score, epoch
            name = "mAP" if self.recipe.multi_label else "top-1"
            text += f"  validation {name} {100 * score:.1f} %" + (", the best so far" if better else "")
            if self.log:
                self.log.validation(epoch, values)
        self.show.line(text)
        position.epoch, position.step = epoch + 1, 0
        self.save(networks=(LAST, BEST) if better else (LAST,))
        self.show.start_epoch()

    def save(self, networks: tuple[str, ...] = ()) -> None:
        """The networks first: were this the last moment, the resumed run would write them again."""
        self.processes.share_buffers(self.session.model)
        if not self.processes.is_first:
            return
        average = self.session.average
        trained_on = self.recipe.input(self.session.class_names)
        try:
            with average.in_place() if average and networks else contextlib.nullcontext():
                for name in networks:
                    write_model(os.path.join(self.job.out, name), self.session.model, self.recipe.network(), trained_on)
            self.session.save(os.path.join(self.job.out, RESUME))
        except CheckpointError as error:
            raise ValueError(f"{error}; {GO_ON}") from None
