"""`paddle-tsm ablation`: what each choice of the shift is worth, on generated videos."""

from __future__ import annotations

import argparse
import os

from paddle_tsm.commands.help_text import add_command


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "ablation",
        "Compare the variants of the shift on generated videos.",
        "",
        (
            "Make videos in which only the order of the frames tells the class, train each variant of the shift that "
            "TSM's paper compares on them, all by the same recipe and with the same seeds, and time each of them: no "
            "shift (tsn), the shift in front of the whole block (in-place) or of its residual branch (residual), of an "
            "eighth, a quarter, a half or all of the channels, and the shift from the past alone (online).",
            "The table says how many of the held-out clips each variant gets right, how long a clip takes, and the "
            "share of the shift in that. DIR then has it as ablation.csv and ablation.json, and, with matplotlib, as "
            "ablation.png.",
            "It takes about eleven minutes. A command that was stopped goes on where it was, and more seeds or "
            "variants add what is missing; what is finished is not trained again.",
        ),
        (
            "paddle-tsm ablation",
            "paddle-tsm ablation --seeds 5 --out ablation",
            "paddle-tsm ablation --only tsn residual --epochs 3 --out longer",
            "paddle-tsm ablation --task shape --timed-runs 0 --out shape",
        ),
    )
    add_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add every option."""
    parser.add_argument("--out", default="ablation", metavar="DIR", help="The folder for it all. Default: ablation.")
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        help="The variants to compare: tsn, in-place, residual and online, or one of a kind, such as residual-1/4 or "
        "in-place-all. Default: all.",
    )
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="Trainings of each variant. Default: 2.")
    parser.add_argument(
        "--arch", default="tsm_resnet10", metavar="A", help="The network to train. Default: tsm_resnet10."
    )
    parser.add_argument("--epochs", type=int, default=2, metavar="N", help="Epochs of each training. Default: 2.")
    parser.add_argument(
        "--train-clips", type=int, default=85, metavar="N", help="Videos of each class to train on. Default: 85."
    )
    parser.add_argument(
        "--val-clips", type=int, default=60, metavar="N", help="Held-out videos of each class. Default: 60."
    )
    parser.add_argument(
        "--task",
        default="motion",
        choices=("motion", "shape"),
        help="What is asked of a clip: its motion, which the order of the frames alone tells, or the shape that moves, "
        "which any one of them tells. Default: motion.",
    )
    group = parser.add_argument_group("what is timed")
    group.add_argument(
        "--timed-arch", default="tsm_resnet50", metavar="A", help="The network. Default: tsm_resnet50, as in the paper."
    )
    group.add_argument(
        "--timed-size", type=int, default=224, metavar="PIXELS", help="Height and width of a frame. Default: 224."
    )
    group.add_argument(
        "--timed-runs",
        type=int,
        default=15,
        metavar="N",
        help="Runs of each variant, in turn with the network without shift; 0: nothing is timed. Default: 15.",
    )


def run(args: argparse.Namespace) -> int:
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.ablation.variants import chosen

    check_options(args)
    variants = chosen(args.only)
    from paddle_tsm.runtime import import_paddle

    import_paddle()
    from paddle_tsm.ablation.latency import Setting
    from paddle_tsm.ablation.result_files import write_files
    from paddle_tsm.ablation.study import Settings, run_study
    from paddle_tsm.files.made_folder import made_folder
    from paddle_tsm.networks.network import Network
    from paddle_tsm.terminal.literal_text import literal, plain_console

    settings = Settings(args.arch, args.epochs, args.train_clips, args.val_clips, args.task)
    timing = Setting(args.timed_arch, args.timed_size, args.timed_runs) if args.timed_runs else None
    for variant in variants:  # a network that one of them cannot have is told before the first training
        for arch in {args.arch, args.timed_arch}:
            Network(arch, 8, **variant.options)
    stderr = plain_console(stderr=True)
    with made_folder(args.out):
        found = run_study(
            args.out,
            variants,
            args.seeds,
            settings,
            timing,
            lambda line: stderr.print(literal(line), soft_wrap=True),
        )
        written = write_files(args.out, found, settings, timing)
    print_table(found)
    print(f"written: {', '.join(literal(os.path.join(args.out, name)) for name in written)}")
    return 0


def check_options(args: argparse.Namespace) -> None:
    """Raise ValueError for an option that is out of range."""
    least = {"seeds": 1, "epochs": 1, "train_clips": 1, "val_clips": 1, "timed_runs": 0, "timed_size": 32}
    for name, value in least.items():
        if getattr(args, name) < value:
            raise ValueError(f"--{name.replace('_', '-')}: got {getattr(args, name)}, wanted at least {value}")


def print_table(found: list) -> None:
    """Print a line for each variant. found: what `run_study` returned."""
    from rich.table import Table

    from paddle_tsm.terminal.literal_text import plain_console

    accuracy = [one.accuracy() for one in found]
    seeds = "one seed" if accuracy[0].seeds == 1 else f"{accuracy[0].seeds} seeds"
    table = Table(title=f"{accuracy[0].clips} held-out clips, {seeds}", title_justify="left", box=None, pad_edge=False)
    table.add_column("variant", no_wrap=True)
    timed = found[0].latency is not None
    for header in ("shifted", "top-1", "95 %", "of seeds", *(("ms a clip", "of shift") if timed else ())):
        table.add_column(header, justify="right", no_wrap=True)
    for one, own in zip(found, accuracy):
        cells = [
            one.variant.name,
            str(one.variant.proportion),
            f"{100 * own.mean:.1f} %",
            f"{100 * own.low:.1f}-{100 * own.high:.1f}",
            f"{100 * own.worst:.1f}-{100 * own.best:.1f}",
        ]
        if one.latency is not None:
            cells += [f"{one.latency.milliseconds():.1f}", f"{100 * one.latency.share():.1f} %"]
        table.add_row(*cells)
    plain_console().print(table)
    runs = [run for one in found for run in one.runs]
    seconds, processor = sum(run.seconds for run in runs), sum(run.processor_seconds for run in runs)
    trainings = "one training" if len(runs) == 1 else f"{len(runs)} trainings"
    print(f"{trainings} in {seconds:.0f} s, {processor:.0f} s of processor")
