"""`paddle-tsm parity`: the same checkpoint and input in both frameworks, compared number for number."""

from __future__ import annotations

import argparse
import contextlib

from paddle_tsm.commands.curve_comparison import add_curve_options, compare_runs, curve_inputs
from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.model_comparison import (
    add_model_options,
    compare_pair,
    files_read,
    print_comparison,
    refuse_model_options,
)
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import add_network_key

DEFAULT_STEPS = 5  # of --report
DEFAULT_LR = 0.01
MIN_FRAMES = 8  # of a batch of noise: with a frame or two BatchNorm in training is a sign function, and ill-conditioned


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "parity",
        "Compare PyTorch and Paddle, layer by layer.",
        "A [B]",
        (
            "Load A into PyTorch and B (or A itself) into Paddle, run the same clip through both in float64 and "
            "float32, and compare every stage. With --models, compare any two models of your own.",
            "The exit code is 0 where they are equal, 1 where they differ, and 2 where they cannot be compared.",
        ),
        (
            "paddle-tsm parity tsm_r50_mmaction2.pth tsm_r50.safetensors --video clip.mp4",
            "paddle-tsm parity tsm_r50_mmaction2.pth --gradients --steps 5 --junit parity.xml",
            "paddle-tsm parity --models mine:torch_model mine:paddle_model --inputs mine:inputs --junit parity.xml",
            "paddle-tsm parity --curves run_paddle run_torch --report page",
        ),
    )
    parser.add_argument(
        "a", metavar="A", nargs="?", help="A checkpoint, or a folder that `paddle-tsm train` wrote. It runs in PyTorch."
    )
    parser.add_argument("b", metavar="B", nargs="?", help="A checkpoint, which runs in Paddle. Default: A.")
    add_network_key(parser, "a file")
    parser.add_argument("--allow-nan", action="store_true", help="Accept weights that are NaN or infinite.")
    parser.add_argument(
        "--differences", action="store_true", help="Print the known differences of the frameworks, and exit."
    )
    parser.add_argument(
        "--heat-maps",
        action="store_true",
        help="Also compare the heat maps of `paddle-tsm explain` (Grad-CAM), those of every stage.",
    )
    add_input_options(parser)
    add_training_options(parser)
    group = parser.add_argument_group("what it writes")
    group.add_argument(
        "--report",
        metavar="DIR",
        help=f"Write a page with plots, DIR/index.html. Includes --gradients and --steps {DEFAULT_STEPS}.",
    )
    group.add_argument("--json", metavar="FILE", help="Write the report as JSON or, with exit code 2, the reason.")
    group.add_argument(
        "--junit",
        metavar="FILE",
        help="Write the report as JUnit XML with one test case an output or, with exit code 2, one that ended in an "
        "error.",
    )
    add_model_options(parser)
    add_curve_options(parser)
    add_network_options(parser)
    parser.set_defaults(run=run)


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what the networks are run on."""
    group = parser.add_argument_group("the input")
    group.add_argument("--video", metavar="FILE", help="Compare on a clip of this video. Default: seeded noise.")
    group.add_argument(
        "--size",
        type=int,
        metavar="PIXELS",
        help="Height and width of the input. Default: 64 for noise; for a video what A records, else 224.",
    )
    group.add_argument(
        "--clips",
        type=int,
        metavar="N",
        help=f"How many clips of noise are in the batch. Default: as many as make {MIN_FRAMES} frames.",
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="The seed of the noise. Default: 0.")


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that compare training as well."""
    group = parser.add_argument_group("training", "Dropout is off, unless --dropout says otherwise.")
    group.add_argument("--gradients", action="store_true", help="Compare every gradient of a batch; --models does.")
    group.add_argument(
        "--steps",
        type=int,
        metavar="K",
        help="Train both networks for K steps, 1 to 200, and compare each step. With --models also 0. Default: none, "
        f"but {DEFAULT_STEPS} with --models and --report.",
    )
    group.add_argument(
        "--lr",
        type=float,
        help=f"The learning rate of the steps. Default: {DEFAULT_LR}; with --models a small one, from the weights.",
    )
    group.add_argument(
        "--float32",
        action="store_true",
        help="Also train in float32, and compare with the noise of each framework against itself.",
    )


def run(args: argparse.Namespace) -> int:
    import traceback

    from paddle_tsm.commands.messages import checkpoint_of
    from paddle_tsm.parity.report.output_files import claimed

    args.a, args.b = (path and checkpoint_of("parity", path) for path in (args.a, args.b))
    read = [path for path in (args.a, args.b, args.video) if path]
    read += [f"{path}.json" for path in (args.a, args.b) if path]  # the record that can lie beside a checkpoint
    if args.models:
        read += files_read(args)
    if args.curves:
        read += curve_inputs([*args.curves, *(args.noise or [])])
    try:
        with claimed(read, args.json, args.junit, args.report):
            if args.models:
                return compare_pair(args)
            refuse_model_options(args)
            return compare_runs(args) if args.curves else compare(args)
    except (ValueError, OSError):
        raise
    except Exception:  # a bug of ours: Python's exit code for a traceback, 1, would mean that the networks differ
        traceback.print_exc()
        return 2


def write_refusal(words: list[str], reason: str) -> None:
    """Write to --json and --junit that the command line was refused, and remove an older page of --report.

    words: the command line behind `parity`.
    """
    from paddle_tsm.parity.model_pair.import_path import source_files
    from paddle_tsm.parity.report.output_files import claimed

    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    for option in ("--json", "--junit", "--report"):
        parser.add_argument(option)
    with contextlib.suppress(argparse.ArgumentError, SystemExit, ValueError):
        files, others = parser.parse_known_args(words)
        values = [word.partition("=")[2] if word.startswith("-") else word for word in others]
        # any other word can be a file that must be kept, or name a module
        read = [*values, *(f"{value}.json" for value in values), *map(str, source_files(values))]
        with claimed(read, files.json, files.junit, files.report):
            raise ValueError(reason)


def compare(args: argparse.Namespace) -> int:
    """Compare, and write what was asked for. Returns 0 where the two are equal, 1 where they differ."""
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.messages import print_ignored_records
    from paddle_tsm.parity.checkpoint_pair import compare_files, read_pair
    from paddle_tsm.terminal.literal_text import as_text, status

    check_options(args)
    if args.differences:
        from paddle_tsm.parity.differences import print_differences

        print_differences()
        return 0
    options = network_options(args)
    a, b = read_pair(args.a, args.b, allow_nan=args.allow_nan, network=args.network, **options)
    print_ignored_records("parity", args.a, args.b)
    x = video_clip(args, a) if args.video else noise(args, a)
    training = chosen_training(args, a, x) if args.gradients or args.steps or args.report else None
    with status("parity") as spinner:
        report = compare_files(
            *(a, b, x, lambda part: spinner.update(as_text(f"parity: {part}"))),
            training=training,
            given=options,
            heat_maps=args.heat_maps,
        )
    report.write(args.report, junit=args.junit, json=args.json)
    print_comparison(report, args.report)
    return 0 if report.equal else 1


def check_options(args: argparse.Namespace) -> None:
    """Raise ValueError for options that are out of range or do not go together."""
    from paddle_tsm.parity.tolerance import step_limit

    if args.differences:
        beside = [f"--{name}" for name in ("json", "junit", "report", "video") if getattr(args, name)]
        beside += ["a checkpoint"] * (args.a is not None)
        if beside:
            raise ValueError(f"--differences: got {beside[0]} beside it; it compares nothing, it prints a table")
        return
    for name in ("noise", "dtype"):
        if getattr(args, name):
            raise ValueError(f"--{name}: got no --curves, wanted --curves A B beside it")
    if args.a is None:
        raise ValueError("A: got no checkpoint, wanted one (or --models, --curves or --differences)")
    if args.video and args.clips is not None:
        raise ValueError("--clips: got it beside --video, which is one clip; leave one of them out")
    for name in ("clips", "size"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise ValueError(f"--{name}: got {getattr(args, name)}, wanted at least 1")
    if args.steps is not None:
        step_limit(args.steps)
    if args.seed < 0:
        raise ValueError(f"--seed: got {args.seed}, wanted 0 or more")
    if args.lr is not None and not 0 <= args.lr < float("inf"):
        raise ValueError(f"--lr: got {args.lr}, wanted 0 or more, and finite")
    if args.steps is None and not args.report and (args.float32 or args.lr is not None):
        raise ValueError(f"{'--float32' if args.float32 else '--lr'}: got no --steps, wanted --steps K beside it")
    if args.report:
        from paddle_tsm.drawing.figure import need_matplotlib

        need_matplotlib()


def chosen_training(args: argparse.Namespace, a, x):
    """What to compare of training. The batches are seeded noise or, with --video, always the video's clip x."""
    from paddle_tsm.parity.seeded_input import seeded_labels
    from paddle_tsm.parity.steps import seeded_batches
    from paddle_tsm.parity.training_comparison import TrainingRequest

    steps = args.steps or (DEFAULT_STEPS if args.report else 0)
    clips = len(x) // a.network.num_segments
    if args.video:
        batches = [(x, seeded_labels(clips, a.network.num_classes, args.seed + i)) for i in range(max(steps, 1))]
    else:
        batches = seeded_batches(a.network, max(steps, 1), clips, x.shape[-1], args.seed)
    return TrainingRequest(
        batches,
        gradients=bool(args.gradients or args.report),
        steps=steps > 0,
        float32=bool(args.float32 or args.report),
        plots=bool(args.report),
        lr=DEFAULT_LR if args.lr is None else args.lr,
    )


def noise(args: argparse.Namespace, a):
    """Seeded noise for the network in `a`: float64 [N*T, in_channels, size, size]."""
    from paddle_tsm.parity.seeded_input import noise_clip

    segments = a.network.num_segments
    return noise_clip(
        segments, args.size or 64, args.clips or -(-MIN_FRAMES // segments), args.seed, a.network.in_channels
    )


def video_clip(args: argparse.Namespace, a):
    """The video's clip for the network in `a`: float64 [T, 3, size, size]."""
    from paddle_tsm.data.centre_clip import read_centre_clip

    if a.network.in_channels != 3:
        raise ValueError(
            f"--video: its frames have 3 channels, the network takes {a.network.in_channels}; wanted no --video, for a "
            "clip of noise"
        )
    return read_centre_clip(args.video, a.network.num_segments, args.size or a.input.filled().size).astype("float64")
