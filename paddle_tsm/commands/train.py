"""`paddle-tsm train`: a TSM network from a list of clips."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from paddle_tsm.data.annotations import FORMS
from paddle_tsm.data.check_list import DEPTHS
from paddle_tsm.training.recipe import RECIPES

EXAMPLES = """examples:
  paddle-tsm train train.txt --validation val.txt --recipe mmaction2-sthv2 --pretrained resnet50.pth --out run
  paddle-tsm train train.txt --recipe mit-kinetics400 --classes names.txt --set batch=16 lr=auto epochs=20 --out run --resume
  paddle-tsm train --show --recipe mmaction2-sthv2 --set batch=64 lr=auto
  python -m paddle.distributed.launch --nproc_per_node 2 --backend gloo $(which paddle-tsm) train train.txt --out run
"""


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "train",
        help="train a network on a list of clips",
        description="Train a TSM network. What it computes is a recipe, changed by --set; --show prints all names. "
        "Any kill leaves checkpoints that load, and --resume goes on as if it had never happened.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("list", metavar="LIST", nargs="?", help="the training clips, one a line")
    parser.add_argument("--recipe", default="mmaction2-kinetics400", help=f"one of {', '.join(RECIPES)} (%(default)s)")
    parser.add_argument("--set", dest="changes", metavar="NAME=VALUE", nargs="+", action="extend", default=[],
                        help="changes to the recipe, such as batch=16 lr=auto (the recipe's rate, scaled to the batch)")  # fmt: skip
    parser.add_argument("--classes", metavar="FILE",
                        help="names of the classes, one a line; without it there are as many as the labels of LIST say")  # fmt: skip
    parser.add_argument("--validation", metavar="LIST", help="clips to validate on after each epoch")
    parser.add_argument("--out", default="run", metavar="DIR", help="folder for checkpoints and logs (%(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on with the training in --out, if there is one")
    parser.add_argument(
        "--pretrained", metavar="FILE", help="ImageNet's or another TSM's weights; its classifier is left out"
    )
    parser.add_argument("--keep-classifier", action="store_true", help="take over the classifier of --pretrained, too")
    parser.add_argument("--form", default="video", choices=tuple(FORMS), help="of the lists' lines (%(default)s)")
    parser.add_argument("--root", default="", metavar="DIR", help="folder that the lists' paths start from")
    parser.add_argument("--template", metavar="T", help="names of the frames in a folder (img_{:05d}.jpg)")
    parser.add_argument("--check", default="first", choices=(*DEPTHS, "none"),
                        help="how much of every clip is looked at before the start (%(default)s: its first frame)")  # fmt: skip
    parser.add_argument(
        "--skip-bad", action="store_true", help="go on without clips that cannot be read, and list them"
    )
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="threads that read clips (%(default)s)")
    parser.add_argument(
        "--save-every", type=int, default=500, metavar="N", help="updates between two saves (%(default)s)"
    )
    parser.add_argument("--show", action="store_true", help="print the recipe and stop")
    parser.set_defaults(run=run)


def run(args) -> int:
    from paddle_tsm.training.recipe import parse_changes, recipe

    changes = parse_changes(args.changes)
    chosen = recipe(args.recipe, **changes)
    if args.show:
        return show(args.recipe, chosen)
    if args.list is None:
        raise ValueError("got no LIST; wanted a file with a line for each clip, or --show")
    for name, least in (("save_every", 1), ("workers", 0)):
        if getattr(args, name) < least:
            raise ValueError(f"--{name.replace('_', '-')}: got {getattr(args, name)}, wanted at least {least}")
    if args.keep_classifier and not args.pretrained:
        raise ValueError("--keep-classifier: got no --pretrained to take it from")

    from paddle_tsm.runtime import import_paddle

    import_paddle()
    from paddle_tsm.commands.recorded_input import say, say_unbelieved
    from paddle_tsm.training.classes import classes_before, stated_classes
    from paddle_tsm.training.loop import TrainingJob, train
    from paddle_tsm.training.processes import join
    from paddle_tsm.training.run_folder import check_folder, keep_inputs_of_training

    refuse_amp_on_cpu(chosen)
    keep_inputs_of_training(args.out, (args.list, args.validation, args.pretrained))
    processes = join()
    processes.from_first(lambda: check_folder(args.out, args.resume))  # before the lists, which may take minutes
    if processes.is_first:
        say_unbelieved("train", args.pretrained)
    before = classes_before(args.out, args.resume, args.pretrained if args.keep_classifier else None)
    classes = stated_classes(args.classes, changes.get("num_classes"), before)
    classes, lists, source, bad = read_lists(args, chosen, classes, processes)
    if classes.why and processes.is_first:
        say("train", [f"num_classes={classes.count}: {classes.why}"])
    chosen = replace(chosen, num_classes=classes.count)
    plan = TrainingJob(*lists, args.out, source, args.workers, args.save_every, args.skip_bad, args.resume, args.pretrained,
                args.keep_classifier, classes.names)  # fmt: skip
    keep_inputs_of_training(args.out, dict.fromkeys(entry.path for entries in lists for entry in entries))
    outcome = train(chosen, plan, processes)
    for clip in bad:
        outcome.skipped.add(clip)
    return report(args, outcome, processes)


def show(name: str, chosen) -> int:
    """Print every option as --set takes it, and beside a changed one what the recipe has; beside a rate that was
    published for another batch, what lr=auto makes of it.
    """
    import dataclasses

    from paddle_tsm.terminal.literal_text import literal

    def text(value) -> str:
        return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

    print(f"{name}:")
    for field, value in dataclasses.asdict(chosen).items():
        own = getattr(RECIPES[name], field)
        beside = [] if value == own else [text(own)]
        if field == "lr" and chosen.lr_batch not in (None, chosen.batch):
            beside.append(
                f"published for a batch of {chosen.lr_batch}; lr=auto: {chosen.scaled_lr(chosen.batch):g} for {chosen.batch}"
            )
        print(literal(f"  {field}={text(value)}" + (f"    ({'; '.join(beside)})" if beside else "")))
    return 0


def refuse_amp_on_cpu(chosen) -> None:
    """Paddle's auto_cast only warns on a CPU, and then computes in float32."""
    import paddle

    if chosen.amp != "none" and paddle.device.get_device().startswith("cpu"):
        raise ValueError(f"amp: got {chosen.amp!r} on a CPU, where Paddle has no mixed precision; wanted amp=none")


def read_lists(args, chosen, classes, processes):
    """(Classes, (training clips, validation clips), their source, the bad ones), looked at by the first process alone.
    classes: a Classes, or None where the labels of the training list say how many there are."""
    from paddle_tsm.commands.odd_videos import print_note
    from paddle_tsm.data.annotations import read_list
    from paddle_tsm.data.check_list import check_list
    from paddle_tsm.data.clip_reader import FrameSource
    from paddle_tsm.data.datasets import data_set
    from paddle_tsm.data.video_survey import VideoNotes
    from paddle_tsm.training.classes import classes_of_labels

    template = args.template
    if template is None and args.form != "video":
        template = data_set(chosen.data_set).template if chosen.data_set else "img_{:05d}.jpg"
    source = FrameSource(template if args.form != "video" else None, notes=VideoNotes())
    options = {"root": args.root, "multi_label": chosen.multi_label}
    training = read_list(args.list, args.form, num_classes=classes and classes.count, **options)
    classes = classes or classes_of_labels({label for entry in training for label in entry.labels})
    options["num_classes"] = classes.count
    lists = [training, read_list(args.validation, args.form, **options) if args.validation else []]
    bad = []
    if args.check != "none":
        checked = processes.from_first(
            lambda: [check_list(entries, source, depth=args.check, skip_bad=args.skip_bad) for entries in lists]
        )
        lists, bad = [entries for entries, _ in checked], [clip for _, clips in checked for clip in clips]
        print_note(source.notes)  # the first process's, which has looked
    if not lists[0]:
        raise ValueError(f"{args.list}: no clip of the list can be read")
    return classes, lists, source, bad


def report(args, outcome, processes) -> int:
    """Say how it ended; the exit code."""
    import os

    from paddle_tsm.terminal.literal_text import literal

    if not processes.is_first:
        return 0 if outcome.stopped is None else 128 + outcome.stopped
    if outcome.skipped:
        print(outcome.skipped.report())  # literal, line by line
    if outcome.stopped is not None:
        print(
            f"paddle-tsm train: stopped; everything is saved in {literal(args.out)}; --resume goes on", file=sys.stderr
        )
        return 128 + outcome.stopped
    best = f", best in epoch {outcome.best_epoch + 1}: {100 * outcome.best:.1f} %" if outcome.best is not None else ""
    print(f"done: {literal(os.path.join(args.out, 'last.safetensors'))}{best}")
    return 0
