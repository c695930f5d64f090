"""`paddle-tsm train`: train a TSM network on a list of clips."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.data.annotations import FORMS
from paddle_tsm.data.check_list import DEPTHS
from paddle_tsm.training.framework import FRAMEWORKS
from paddle_tsm.training.published_recipes import RECIPES, recipe
from paddle_tsm.training.recipe_changes import parse_changes


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "train",
        "Train a network on a list of clips.",
        "LIST",
        (
            "Train a TSM network on the clips of LIST. A recipe says what is computed, --set changes it, and --show "
            "prints every name that --set takes.",
            "However a training is killed, its checkpoints load, and --resume goes on as if nothing had happened.",
        ),
        (
            "paddle-tsm train train.txt --validation val.txt --recipe mmaction2-sthv2 --pretrained resnet50.pth --out "
            "run",
            "paddle-tsm train train.txt --recipe mit-kinetics400 --classes names.txt --set batch=16 lr=auto epochs=20 "
            "--out run --resume",
            "paddle-tsm train --show --recipe mmaction2-sthv2 --set batch=64 lr=auto",
            "paddle-tsm train train.txt --plan plan.json --out run_paddle",
            "paddle-tsm train train.txt --replay plan.json --framework torch --out run_torch",
            "python -m paddle.distributed.launch --nproc_per_node 2 --backend gloo $(which paddle-tsm) train train.txt "
            "--out run",
        ),
    )
    parser.add_argument("list", metavar="LIST", nargs="?", help="A file with one training clip a line, as --form says.")
    parser.add_argument("--validation", metavar="LIST", help="The list of the clips to validate on after each epoch.")
    parser.add_argument(
        "--classes",
        metavar="FILE",
        help="A file with the names of the classes, one a line. Default: no names, and one class more than the largest "
        "label of LIST.",
    )
    add_recipe_options(parser)
    add_list_options(parser)
    group = parser.add_argument_group("the run")
    group.add_argument("--out", default="run", metavar="DIR", help="The folder for checkpoints and logs. Default: run.")
    group.add_argument("--resume", action="store_true", help="Go on with the training in --out, if there is one.")
    group.add_argument(
        "--save-every", type=int, default=500, metavar="N", help="Updates between two saves. Default: 500."
    )
    add_comparison_options(parser)
    group.add_argument("--workers", type=int, default=2, metavar="N", help="Threads that read clips. Default: 2.")
    parser.set_defaults(run=run)


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is trained and how."""
    group = parser.add_argument_group("what is computed")
    default = "mmaction2-kinetics400"
    group.add_argument(
        "--recipe", default=default, metavar="R", help=f"One of {', '.join(RECIPES)}. Default: {default}."
    )
    group.add_argument(
        "--set",
        dest="changes",
        metavar="NAME=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="Changes to the recipe, such as batch=16 lr=auto. lr=auto is the recipe's rate, scaled to the batch.",
    )
    group.add_argument("--show", action="store_true", help="Print the recipe and exit.")
    group.add_argument(
        "--pretrained",
        metavar="FILE",
        help="Start from these weights, of ImageNet or of another TSM, without their classifier. Default: random "
        "weights.",
    )
    group.add_argument("--keep-classifier", action="store_true", help="Take the classifier of --pretrained, too.")


def add_comparison_options(parser: argparse.ArgumentParser) -> None:
    """Add the options with which two trainings can be compared update by update."""
    group = parser.add_argument_group("comparing two trainings", "`paddle-tsm parity --curves` then compares them.")
    group.add_argument(
        "--framework",
        choices=FRAMEWORKS,
        default="paddle",
        help="What computes the training. torch: the reference, in PyTorch. Default: paddle.",
    )
    plan = group.add_mutually_exclusive_group()
    plan.add_argument(
        "--plan",
        metavar="FILE",
        help="Draw everything before the first update (order, frames, boxes, mirroring, blends), write it to FILE as "
        "JSON, and train by it. The network before the first update is written to --out as start.safetensors.",
    )
    plan.add_argument("--replay", metavar="FILE", help="Train by the draws in FILE, which --plan wrote.")
    group.add_argument(
        "--nudge",
        type=int,
        metavar="SEED",
        help="Move each initial weight by one unit in the last place, up or down: a run to measure the noise of "
        "float32 with.",
    )


def add_list_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how the lists are read and checked."""
    group = parser.add_argument_group("the clips")
    group.add_argument(
        "--form",
        default="video",
        choices=tuple(FORMS),
        help="What a line of a list holds. video: path, label. frames: path, number of frames, label. offset: path, "
        "offset, number of frames, label. Default: video.",
    )
    group.add_argument(
        "--root",
        default="",
        metavar="DIR",
        help="The folder that the paths of the lists start from. Default: the current folder.",
    )
    group.add_argument(
        "--template",
        metavar="T",
        help="How the frames in a folder are named. Default: as the recipe's data set names them, else img_{:05d}.jpg.",
    )
    group.add_argument(
        "--check",
        default="first",
        choices=(*DEPTHS, "none"),
        help="What to check of every clip before the start: exists (the file), first (the first frame), all (every "
        "frame), or none. Default: first.",
    )
    group.add_argument(
        "--skip-bad", action="store_true", help="Leave out clips that cannot be read, and name them at the end."
    )


def run(args: argparse.Namespace) -> int:
    changes = parse_changes(args.changes)
    chosen = recipe(args.recipe, **changes)
    if args.show:
        print_recipe(args.recipe, chosen)
        return 0
    check_options(args)

    from paddle_tsm.runtime import import_paddle

    import_paddle()
    # imported here, so that `--help`, `--show` and other commands do not load them
    from paddle_tsm.commands.messages import print_ignored_records, print_remarks, print_video_notes
    from paddle_tsm.training.classes import classes_before, stated_classes
    from paddle_tsm.training.framework import framework_named
    from paddle_tsm.training.job import TrainingJob
    from paddle_tsm.training.loop import train
    from paddle_tsm.training.mixed_precision import check_mixed_precision
    from paddle_tsm.training.processes import join
    from paddle_tsm.training.run_folder import check_folder
    from paddle_tsm.training.training_lists import read_lists, training_source

    check_mixed_precision(chosen.amp)
    framework_named(args.framework)  # raises where it is not installed
    keep_read_files(args, (args.list, args.validation, args.pretrained, args.replay))
    processes = join()
    check_single(args, processes.count)
    processes.from_first(lambda: check_folder(args.out, args.resume))  # before the lists, which can take minutes
    if processes.is_first:
        print_ignored_records("train", args.pretrained)
    before = classes_before(args.out, args.resume, args.pretrained if args.keep_classifier else None)
    source = training_source(args.form, args.template, chosen.data_set)
    lists = read_lists(
        args.list,
        args.validation,
        source,
        stated_classes(args.classes, changes.get("num_classes"), before),
        processes,
        form=args.form,
        root=args.root,
        multi_label=chosen.multi_label,
        depth=args.check,
        skip_bad=args.skip_bad,
    )
    print_video_notes(source.notes)  # only the first process has any: it alone looked at the clips
    classes = lists.classes
    if classes.reason and processes.is_first:
        print_remarks("train", [f"num_classes={classes.count}: {classes.reason}"])
    keep_read_files(args, dict.fromkeys(entry.path for entry in (*lists.training, *lists.validation)))
    chosen = dataclasses.replace(chosen, num_classes=classes.count)
    job = TrainingJob(
        train=lists.training,
        validation=lists.validation,
        out=args.out,
        source=source,
        workers=args.workers,
        save_every=args.save_every,
        skip_bad=args.skip_bad,
        resume=args.resume,
        pretrained=args.pretrained,
        keep_classifier=args.keep_classifier,
        class_names=classes.names,
        framework=args.framework,
        plan=chosen_plan(args, chosen, lists.training, source),
        nudge=args.nudge,
    )
    outcome = train(chosen, job, processes)
    for clip in lists.bad:
        outcome.skipped.add(clip)
    if processes.is_first:
        print_outcome(args.out, outcome)
    return 0 if outcome.stopped is None else 128 + outcome.stopped


def keep_read_files(args: argparse.Namespace, paths) -> None:
    """Raise ValueError where --out or --plan would overwrite one of the files that are read."""
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.training.run_folder import keep_inputs_of_training

    keep_inputs_of_training(args.out, paths)
    keep_inputs({"--plan": args.plan}, paths)


def check_single(args: argparse.Namespace, processes: int) -> None:
    """Raise ValueError for an option that several processes cannot have."""
    for option, given in (
        ("--plan", args.plan),
        ("--replay", args.replay),
        ("--framework torch", args.framework == "torch"),
    ):
        if given and processes > 1:
            raise ValueError(f"{option}: got {processes} processes, wanted one")


def chosen_plan(args: argparse.Namespace, recipe, entries: list, source):
    """The plan of --plan, which is made and written, or of --replay; None without either."""
    if not (args.plan or args.replay):
        return None
    from paddle_tsm.terminal.literal_text import as_text, status
    from paddle_tsm.training.plan import make_plan
    from paddle_tsm.training.plan_file import read_plan, write_plan

    if args.replay:
        plan = read_plan(args.replay)
        plan.check(args.replay, recipe, entries)
        return plan
    with status("planning") as spinner:
        plan = make_plan(
            recipe, entries, source, lambda count: spinner.update(as_text(f"planning: {count} of {len(entries)} clips"))
        )
        write_plan(plan, args.plan, entries)
    return plan


def check_options(args: argparse.Namespace) -> None:
    """Raise ValueError for an option that is missing or out of range."""
    if args.list is None:
        raise ValueError("got no LIST; wanted a file with a line for each clip, or --show")
    for name, least in (("save_every", 1), ("workers", 0)):
        if getattr(args, name) < least:
            raise ValueError(f"--{name.replace('_', '-')}: got {getattr(args, name)}, wanted at least {least}")
    if args.skip_bad and (args.plan or args.replay) and args.check != "all":
        raise ValueError("--skip-bad: got a plan, whose clips are read as planned; wanted --check all beside it")
    if args.nudge is not None and args.nudge < 0:
        raise ValueError(f"--nudge: got {args.nudge}, wanted 0 or more")
    if args.keep_classifier and not args.pretrained:
        raise ValueError("--keep-classifier: got no --pretrained to take it from")


def print_recipe(name: str, chosen) -> None:
    """Print every option as --set takes it. Beside a changed one stands the recipe's own value; beside a rate that was
    published for another batch, what lr=auto makes of it."""
    from paddle_tsm.terminal.literal_text import literal

    def text(value) -> str:
        return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

    print(f"{name}:")
    for field, value in dataclasses.asdict(chosen).items():
        own = getattr(RECIPES[name], field)
        beside = [] if value == own else [text(own)]
        if field == "lr" and chosen.lr_batch not in (None, chosen.batch):
            beside.append(
                f"published for a batch of {chosen.lr_batch}; "
                f"lr=auto: {chosen.scaled_lr(chosen.batch):g} for {chosen.batch}"
            )
        print(literal(f"  {field}={text(value)}" + (f"    ({'; '.join(beside)})" if beside else "")))


def print_outcome(out: str, outcome) -> None:
    """Print how the training ended. outcome: what `training.loop.train` returned."""
    from paddle_tsm.terminal.literal_text import literal

    if outcome.skipped:
        print(outcome.skipped.report())  # it is literal already, line by line
    if outcome.stopped is not None:
        print(f"paddle-tsm train: stopped; everything is saved in {literal(out)}; --resume goes on", file=sys.stderr)
        return
    best = f", best in epoch {outcome.best_epoch + 1}: {100 * outcome.best:.1f} %" if outcome.best is not None else ""
    print(f"done: {literal(os.path.join(out, 'last.safetensors'))}{best}")
