"""`paddle-tsm train`: train a TSM network on a list of clips."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import sys

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.train_options import (
    add_clip_options,
    add_comparison_options,
    add_list_options,
    add_recipe_options,
    add_run_options,
    given_options,
)
from paddle_tsm.training.arguments import TrainingArguments, resumed_arguments
from paddle_tsm.training.published_recipes import recipe
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.recipe_changes import parse_changes


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "train",
        "Train a network on a list of clips.",
        "LIST",
        (
            "Train a TSM network on the clips of LIST, a list or a folder with a sub-folder of videos for each class. "
            "A recipe says what is computed, --set changes it, and --show prints every name that --set takes.",
            "However a training is killed, its checkpoints load, and --resume goes on as if nothing had happened.",
        ),
        (
            "paddle-tsm train train.txt --validation val.txt --recipe mmaction2-sthv2 --pretrained resnet50.pth --out "
            "run",
            "paddle-tsm train videos --split 0.2 --set lr=auto batch=16 --out run",
            "paddle-tsm train train.txt --recipe mit-kinetics400 --classes names.txt --set batch=16 lr=auto epochs=20 "
            "--out run",
            "paddle-tsm train --resume --out run",
            "paddle-tsm train --resume --out run --set epochs=30",
            "paddle-tsm train --show --recipe mmaction2-sthv2 --set batch=64 lr=auto",
            "paddle-tsm train train.txt --plan plan.json --out run_paddle",
            "paddle-tsm train train.txt --replay plan.json --framework torch --out run_torch",
            "python -m paddle.distributed.launch --nproc_per_node 2 --backend gloo $(which paddle-tsm) train train.txt "
            "--out run",
        ),
    )
    add_clip_options(parser)
    add_recipe_options(parser)
    add_list_options(parser)
    add_run_options(parser)
    add_comparison_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    given = given_options(args)
    asked = resumed_arguments(given, args.out) if args.resume else TrainingArguments(**given)
    changes = parse_changes(list(asked.changes))
    chosen = recipe(asked.recipe, **changes)
    if args.show:
        from paddle_tsm.commands.recipe_table import print_recipe

        print_recipe(asked.recipe, chosen)
        return 0
    check_options(asked, chosen.teacher)
    return train_as_asked(asked, chosen, changes.get("num_classes"), args.out, args.resume)


def train_as_asked(asked: TrainingArguments, chosen: Recipe, num_classes: int | None, out: str, resume: bool) -> int:
    """Read and check the clips, train, and print how it ended. Returns the exit code. num_classes: that --set got."""
    from paddle_tsm.runtime import import_paddle

    import_paddle()
    # imported here, so that `--help`, `--show` and other commands do not load them
    from paddle_tsm.commands.messages import print_ignored_records, print_remarks, print_video_notes
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.processes.processes import join
    from paddle_tsm.training.classes import classes_before, stated_classes
    from paddle_tsm.training.framework import framework_named
    from paddle_tsm.training.loop import train
    from paddle_tsm.training.mixed_precision import check_mixed_precision
    from paddle_tsm.training.run_folder import check_folder
    from paddle_tsm.training.training_lists import read_lists, training_source

    chosen.check_input()
    check_mixed_precision(chosen.amp)
    framework_named(asked.framework)  # raises where it is not installed
    class_folders = asked.list is not None and os.path.isdir(asked.list)
    if class_folders:
        keep_inputs({"--out": out}, (asked.list,))  # a folder in it would be a class
    read = (asked.list, asked.validation, asked.pretrained, asked.pretrained_teacher, asked.replay)
    keep_read_files(out, asked, read)
    processes = join()
    check_single(asked, processes.count)
    # before the lists, which can take minutes
    resumed = processes.from_first(lambda: check_folder(out, resume, lists=class_folders))
    if processes.is_first:
        print_ignored_records("train", asked.pretrained, asked.pretrained_teacher)
    before = classes_before(out, resume, asked.pretrained if asked.keep_classifier else None)
    source = training_source(asked.form, asked.template, chosen)
    stated = stated_classes(asked.classes, num_classes, before)
    lists = read_lists(asked, chosen, source, stated, processes, out if resumed else None)
    print_video_notes(source.notes)  # only the first process has any: it alone looked at the clips
    classes = lists.classes
    if processes.is_first:
        reasons = [f"num_classes={classes.count}: {classes.reason}"] if classes.reason else []
        print_remarks("train", reasons + lists.remarks)
    keep_read_files(out, asked, dict.fromkeys(entry.path for entry in (*lists.training, *lists.validation)))
    chosen = dataclasses.replace(chosen, num_classes=classes.count)
    outcome = train(chosen, job_of(asked, chosen, lists, source, out, resume), processes)
    for clip in lists.bad:
        outcome.skipped.add(clip)
    if processes.is_first:
        print_outcome(out, outcome, processes.count)
    return 0 if outcome.stopped is None else 128 + outcome.stopped


def job_of(asked: TrainingArguments, chosen: Recipe, lists, source, out: str, resume: bool):
    """The TrainingJob. lists: what `read_lists` returned. source: where the clips' frames are."""
    from paddle_tsm.training.job import TrainingJob
    from paddle_tsm.training.run_folder import ARGUMENTS

    return TrainingJob(
        train=lists.training,
        validation=lists.validation,
        out=out,
        source=source,
        workers=asked.workers,
        save_every=asked.save_every,
        skip_bad=asked.skip_bad,
        resume=resume,
        pretrained=asked.pretrained,
        pretrained_teacher=asked.pretrained_teacher,
        keep_classifier=asked.keep_classifier,
        class_names=lists.classes.names,
        framework=asked.framework,
        plan=chosen_plan(asked, chosen, lists.training, source),
        nudge=asked.nudge,
        files=lists.files | {ARGUMENTS: asked.recorded()},
    )


def keep_read_files(out: str, asked: TrainingArguments, paths) -> None:
    """Raise ValueError where --out or --plan would overwrite one of the files that are read."""
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.training.run_folder import keep_inputs_of_training

    keep_inputs_of_training(out, paths)
    keep_inputs({"--plan": asked.plan}, paths)


def check_single(asked: TrainingArguments, processes: int) -> None:
    """Raise ValueError for an option that several processes cannot have."""
    for option, given in (
        ("--plan", asked.plan),
        ("--replay", asked.replay),
        ("--framework torch", asked.framework == "torch"),
    ):
        if given and processes > 1:
            raise ValueError(f"{option}: got {processes} processes, wanted one")


def chosen_plan(asked: TrainingArguments, recipe, entries: list, source):
    """The plan of --plan, which is made and written, or of --replay; None without either."""
    if not (asked.plan or asked.replay):
        return None
    from paddle_tsm.terminal.literal_text import as_text, status
    from paddle_tsm.training.plan import make_plan
    from paddle_tsm.training.plan_file import read_plan, write_plan

    if asked.replay:
        plan = read_plan(asked.replay)
        plan.check(asked.replay, recipe, entries)
        return plan
    assert asked.plan is not None
    with status("planning") as spinner:
        plan = make_plan(
            recipe, entries, source, lambda count: spinner.update(as_text(f"planning: {count} of {len(entries)} clips"))
        )
        write_plan(plan, asked.plan, entries)
    return plan


def check_options(asked: TrainingArguments, teacher: str | None) -> None:
    """Raise ValueError for an option that is missing or out of range. teacher: the recipe's."""
    if asked.list is None:
        raise ValueError(
            "got no LIST; wanted a file with a line for each clip, a folder of classes, --show, or --resume"
        )
    for name, least in (("save_every", 1), ("workers", 0)):
        if getattr(asked, name) < least:
            raise ValueError(f"--{name.replace('_', '-')}: got {getattr(asked, name)}, wanted at least {least}")
    if asked.skip_bad and (asked.plan or asked.replay) and asked.check != "all":
        raise ValueError("--skip-bad: got a plan, whose clips are read as planned; wanted --check all beside it")
    if asked.nudge is not None and asked.nudge < 0:
        raise ValueError(f"--nudge: got {asked.nudge}, wanted 0 or more")
    if asked.keep_classifier and not (asked.pretrained or asked.pretrained_teacher):
        raise ValueError("--keep-classifier: got no --pretrained to take it from")
    if asked.pretrained_teacher and teacher is None:
        raise ValueError(
            "--pretrained-teacher: got a recipe without a teacher; wanted --set teacher=ARCHITECTURE beside it"
        )


def print_outcome(out: str, outcome, processes: int) -> None:
    """Print how the training ended. outcome: what `training.loop.train` returned. processes: their number."""
    from paddle_tsm.terminal.literal_text import literal

    if outcome.skipped:
        print(outcome.skipped.report())  # it is literal already, line by line
    if outcome.stopped is not None:
        launcher = ", by the same launcher" if processes > 1 else ""
        command = f"paddle-tsm train --resume --out {shlex.quote(out)}"
        print(
            literal(f"paddle-tsm train: stopped; everything is saved; to go on{launcher}: {command}"), file=sys.stderr
        )
        return
    best = f", best in epoch {outcome.best_epoch + 1}: {100 * outcome.best:.1f} %" if outcome.best is not None else ""
    print(f"done: {literal(os.path.join(out, 'last.safetensors'))}{best}")
