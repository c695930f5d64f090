"""The training loop: updates, validations and checkpoints, from the start or from where a training was stopped."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Generator, Iterator
from itertools import islice
from typing import Any

import numpy as np

from paddle_tsm.checkpoint import CheckpointError
from paddle_tsm.checkpoint.trained_file import BEST, LAST
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.read_ahead import read_ahead
from paddle_tsm.lists.bad_clips import BadClip
from paddle_tsm.processes.processes import Processes
from paddle_tsm.training.announcements import announcements, rate_note, spread_stem
from paddle_tsm.training.curves_picture import CurvesPicture
from paddle_tsm.training.framework import framework_named
from paddle_tsm.training.job import Outcome, TrainingJob
from paddle_tsm.training.log import TrainingLog
from paddle_tsm.training.nudge import nudged_weights
from paddle_tsm.training.order import Key, batches_of, steps_of
from paddle_tsm.training.progress import TrainingProgress
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.repeated_clips import repeated_clips
from paddle_tsm.training.run_folder import (
    CURVES,
    RECIPE,
    RESUME,
    RESUME_ADVICE,
    START,
    check_folder,
    digest_of,
    make_folder,
    write_model,
    write_recipe,
    write_text,
)
from paddle_tsm.training.session import Session
from paddle_tsm.training.stop import StopRequest, stop_request
from paddle_tsm.training.validate import validate
from paddle_tsm.training.weight_update import Diverged, Sample, update_weights

VALIDATION_BATCH = 8  # clips


def train(recipe: Recipe, job: TrainingJob, processes: Processes = Processes()) -> Outcome:
    """Train as the recipe says, and return how the training ended.

    The folder `job.out` then holds `last.safetensors` and, with a validation list, `best.safetensors`, which are
    networks that every command loads; and `resume.safetensors`, `recipe.json`, `train.csv` and `validation.csv`. With a
    plan there is `start.safetensors`, too, the network before the first update, and with matplotlib `curves.png`.

    Raises ValueError for a folder that holds another training, for a clip that cannot be read (unless `job.skip_bad`),
    and for a loss or gradients that are not finite.
    """
    recipe.check_input()
    steps = steps_of(len(job.train), recipe.batch)
    rates = recipe.rates(steps)
    session, resumed = open_session(recipe, job, processes)
    position = session.position
    log = None
    if processes.is_first:
        make_folder(job.out)
        if not resumed:
            session.save(os.path.join(job.out, RESUME))
            if job.plan is not None:
                write_network(session, os.path.join(job.out, START))
        write_recipe(os.path.join(job.out, RECIPE), recipe, job.framework)
        for name, text in job.files.items():
            write_text(os.path.join(job.out, name), text)
        log = TrainingLog(job.out, position.epoch, position.step, steps, recipe.multi_label)
    done = position.epoch * steps + position.step
    progress = TrainingProgress(
        recipe.epochs * steps, done, recipe.epochs, recipe.num_segments, quiet=not processes.is_first
    )
    for line in opening_lines(session, job, processes, resumed):
        progress.line(line)
    with stop_request() as request, progress, contextlib.closing(log) if log else contextlib.nullcontext():
        return TrainingLoop(session, job, processes, log, progress, request, rates).run()


def open_session(recipe: Recipe, job: TrainingJob, processes: Processes) -> tuple[Session, bool]:
    """(the training at its start or where it was stopped, whether it was resumed)."""
    resumed = processes.from_first(lambda: check_folder(job.out, job.resume))
    session = Session(recipe, digest_of(job.train), job.class_names, framework_named(job.framework))
    if resumed:
        session.restore(os.path.join(job.out, RESUME), steps_of(len(job.train), recipe.batch))
    else:
        set_initial_weights(session, job)
    return session, resumed


def set_initial_weights(session: Session, job: TrainingJob) -> None:
    """Give the networks the weights of the job's files, and move them where the job says so."""
    framework = session.framework
    for (model, recipe), path in zip(session.networks, (job.pretrained, job.pretrained_teacher)):
        if path:
            framework.load_pretrained(model, path, not job.keep_classifier, recipe.shift_order)
        if job.nudge is not None:
            framework.set_canonical(model, nudged_weights(framework.canonical(model), job.nudge, recipe.dtype))


def opening_lines(session: Session, job: TrainingJob, processes: Processes, resumed: bool) -> list[str]:
    """The lines that are printed before the first update."""
    recipe, position = session.recipe, session.position
    if position.epoch >= recipe.epochs:
        return [f"all {recipe.epochs} epochs are done already"]
    lines = [f"going on at epoch {position.epoch + 1}, update {position.step + 1}"] if resumed else []
    labels = {label for entry in job.train for label in entry.labels}
    notes = [
        *announcements(recipe, labels, session.class_names),
        rate_note(recipe, len(job.train), processes.count),
        None if resumed else spread_stem(recipe, job.pretrained),
        *(repeated_clips(job.train, job.validation, recipe.multi_label) if processes.is_first else ()),
    ]
    return lines + [f"note: {note}" for note in notes if note]


def write_network(session: Session, path: str) -> None:
    """Write the session's network, as it is now, as a checkpoint that every command loads."""
    recipe = session.recipe
    trained_on = recipe.network_input(session.class_names)
    write_model(path, session.framework.canonical(session.model), recipe.network(), trained_on)


class TrainingLoop:
    """One process's part of a training, from its session's position to the end or to a signal.

    log: None in every process but the first. rates: the learning rate of each update, [epochs, updates an epoch].
    """

    def __init__(
        self,
        session: Session,
        job: TrainingJob,
        processes: Processes,
        log: TrainingLog | None,
        progress: TrainingProgress,
        request: StopRequest,
        rates: np.ndarray,
    ):
        self.session, self.job, self.processes = session, job, processes
        self.log, self.progress, self.request = log, progress, request
        self.rates, self.steps = rates, rates.shape[1]
        self.recipe, self.outcome = session.recipe, Outcome()
        self.picture = CurvesPicture(job.out, log.columns) if log else None
        recipe = session.recipe
        options: dict[str, Any] = {"source": job.source, "seed": recipe.seed, "skip_bad": job.skip_bad}
        draws = job.plan.draws if job.plan else None
        self.reader = ClipReader(job.train, recipe.pixels(), recipe.num_segments, train=True, draws=draws, **options)
        self.validation = ClipReader(job.validation, recipe.pixels(), recipe.num_segments, **options)

    def run(self) -> Outcome:
        """Make every update that is left, or those until a signal comes."""
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
                    if self.picture:
                        self.picture.draw(last=True)
                    break
        self.outcome.best, self.outcome.best_epoch = position.best, position.best_epoch
        if self.picture and self.picture.missing:
            self.progress.line(f"{CURVES} was left out: {self.picture.missing}")
        for bad in [bad for part in self.processes.gather(list(self.outcome.skipped)) for bad in part]:
            self.outcome.skipped.add(bad)
        return self.outcome

    def shares(self) -> Iterator[tuple[int, list[Key]]]:
        """(step, the keys of this process's clips) for every batch that is left."""
        first = self.session.position.step
        for epoch in range(self.session.position.epoch, self.recipe.epochs):
            for step, batch in enumerate(self.batches(epoch)[first:], first):
                yield step, self.processes.share(batch)
            first = 0

    def batches(self, epoch: int) -> list[list[Key]]:
        """The keys of each batch of the epoch: the plan's, or those that are drawn now."""
        if self.job.plan:
            return self.job.plan.batches(epoch)
        return batches_of(len(self.reader), self.recipe.batch, self.recipe.seed, epoch)

    def one_update(self, epoch: int, step: int, share: list[Key], clips: Generator) -> None:
        """Read this process's clips of the batch, update the weights, and log it. Raises ValueError where the training
        has diverged.
        """
        start = time.perf_counter()
        samples = self.read_samples(share, clips)
        waited, lr = time.perf_counter() - start, float(self.rates[epoch, step])
        try:
            blends = self.job.plan.blends(epoch, step) if self.job.plan else None
            result = update_weights(self.session, samples, self.processes, lr, blends)
        except Diverged as error:
            raise ValueError(
                f"epoch {epoch + 1}, update {step + 1}: {error}; the training has diverged; {self.job.out} holds what "
                f"was saved before; try a learning rate below {lr:g}, or a longer warm-up"
            ) from None
        if self.log:
            self.log.update(epoch, step, lr, result, time.perf_counter() - start)
        self.progress.update(epoch, result, waited)

    def read_samples(self, share: list[Key], clips: Generator) -> list[Sample]:
        """Take the clips with these keys out of `clips`. One that cannot be read is left out and reported once."""
        samples: list[Sample] = []
        for key, clip in zip(share, islice(clips, len(share))):
            if not isinstance(clip, BadClip):
                samples.append((clip[0], clip[1], key))
            elif self.outcome.skipped.add(clip):
                self.progress.line(f"skipped {clip}")
        return samples

    def stop_signal(self) -> int | None:
        """The number of a signal that any of the processes has received, or None."""
        return max(self.processes.gather(self.request.signal or 0)) or None

    def end_epoch(self) -> None:
        """Validate, print the epoch's line, and save. The next epoch begins."""
        position = self.session.position
        text, better = self.progress.epoch_line(position.epoch), False
        if self.job.validation:
            validated, better = self.validate_epoch()
            text += validated
        self.progress.line(text)
        position.epoch, position.step = position.epoch + 1, 0
        self.save(networks=(LAST, BEST) if better else (LAST,))
        if self.picture:
            self.picture.draw(last=position.epoch == self.recipe.epochs)
        self.progress.start_epoch()

    def validate_epoch(self) -> tuple[str, bool]:
        """(the validation's result in words, whether it is the best so far)."""
        position = self.session.position
        values = validate(
            self.session,
            self.validation,
            self.processes,
            batch=VALIDATION_BATCH,
            workers=self.job.workers,
            skipped=self.outcome.skipped,
            progress=self.progress.validating,
        )
        self.outcome.validation = values
        column, name = ("mean_average_precision", "mAP") if self.recipe.multi_label else ("top1", "top-1")
        score = values[column]
        better = not math.isnan(score) and (position.best is None or score > position.best)
        if better:
            position.best, position.best_epoch = score, position.epoch
        if self.log:
            self.log.validation(position.epoch, values)
        text = f"  validation loss {values['loss']:.4f}  {name} {100 * score:.1f} %"
        return text + (", the best so far" if better else ""), better

    def save(self, networks: tuple[str, ...] = ()) -> None:
        """Write these networks, and then what resuming needs: where the program dies between the two, the resumed
        training writes the networks again.
        """
        for model, _ in self.session.networks:
            self.processes.share_buffers(model)
        if not self.processes.is_first:
            return
        average = self.session.average
        try:
            with average.in_place() if average and networks else contextlib.nullcontext():
                for name in networks:
                    write_network(self.session, os.path.join(self.job.out, name))
            self.session.save(os.path.join(self.job.out, RESUME))
        except CheckpointError as error:
            raise ValueError(f"{error}; {RESUME_ADVICE}") from None
