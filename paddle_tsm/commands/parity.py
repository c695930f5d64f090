"""`paddle-tsm parity`: the same checkpoint and input in both frameworks."""

import argparse
import contextlib
import sys

from paddle_tsm.commands.network_options import add_network_options, network_options


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "parity",
        help="compare PyTorch and Paddle, layer by layer",
        description="Load A into PyTorch and B (or A itself) into Paddle, run the same clip through both in float64 and "
        "float32, and compare every stage. Exit code 0: equal; 1: they differ; 2: they could not be compared.",
        epilog="example: paddle-tsm parity tsm_r50_mmaction2.pth tsm_r50.safetensors --video clip.mp4 --junit parity.xml",
    )
    parser.add_argument("a", metavar="A", nargs="?", help="a checkpoint, run in PyTorch")
    parser.add_argument("b", metavar="B", nargs="?", help="a checkpoint, run in Paddle (A)")
    parser.add_argument("--video", metavar="FILE", help="compare on a clip of this video (seeded noise)")
    parser.add_argument(
        "--size",
        type=int,
        metavar="S",
        help="height and width of the input (64; with --video what A records, else 224)",
    )
    parser.add_argument("--clips", type=int, metavar="N", help="clips of noise in the batch (as many as make 8 frames)")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (0)")
    parser.add_argument(
        "--gradients", action="store_true", help="compare every gradient of a seeded batch, dropout off"
    )
    parser.add_argument(
        "--steps", type=int, metavar="K", help="train both K steps, 1 to 200, and compare each, dropout off"
    )
    parser.add_argument("--lr", type=float, help="learning rate of the steps (0.01)")
    parser.add_argument(
        "--float32", action="store_true", help="the steps in float32, too, against the frameworks' own noise"
    )
    parser.add_argument(
        "--report", metavar="DIR", help="write a page with plots, DIR/index.html; with --gradients --steps 5"
    )
    parser.add_argument(
        "--differences", action="store_true", help="print the known differences of the frameworks and end"
    )
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON; with exit code 2, the reason")
    parser.add_argument(
        "--junit",
        metavar="FILE",
        help="write the report as JUnit XML, one test case an output; with exit code 2, one that ended in an error",
    )
    parser.add_argument("--network", metavar="KEY", help="which of several networks in a file")
    parser.add_argument("--allow-nan", action="store_true", help="go on where weights are NaN or infinite")
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    import traceback

    from paddle_tsm.parity.output_files import claimed

    read = [path for path in (args.a, args.b, args.video) if path]
    read += [f"{path}.json" for path in (args.a, args.b) if path]  # the record beside a checkpoint
    try:
        with claimed(read, args.json, args.junit, args.report):
            return compare(args)
    except (ValueError, OSError):
        raise
    except Exception:  # a fault of ours: with the exit code of a traceback it would say that the networks differ
        traceback.print_exc()
        return 2


def write_refusal(words: list[str], reason: str) -> None:
    """Write to --json and --junit that the command line was refused; an older page of --report goes. words: the command
    line behind `parity`.
    """
    from paddle_tsm.parity.output_files import claimed

    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    for option in ("--json", "--junit", "--report"):
        parser.add_argument(option)
    with contextlib.suppress(argparse.ArgumentError, SystemExit, ValueError):
        files, others = parser.parse_known_args(words)
        values = [word.partition("=")[2] if word.startswith("-") else word for word in others]
        read = [*values, *(f"{value}.json" for value in values)]  # whatever the other words are, none is written over
        with claimed(read, files.json, files.junit, files.report):
            raise ValueError(reason)


def compare(args) -> int:
    """Compare and write what was asked for. Returns 0 where the two are equal, 1 where they differ."""
    from paddle_tsm.commands.recorded_input import say_unbelieved
    from paddle_tsm.parity.checkpoint_pair import compare_files, read_pair
    from paddle_tsm.parity.report_files import write_json, write_junit
    from paddle_tsm.terminal.literal_text import as_text, status

    check(args)
    if args.differences:
        from paddle_tsm.parity.differences import print_differences

        print_differences()
        return 0
    options = network_options(args)
    a, b = read_pair(args.a, args.b, allow_nan=args.allow_nan, network=args.network, **options)
    say_unbelieved("parity", args.a, args.b)
    x = video_clip(args, a) if args.video else noise(args, a)
    asked = training(args, a, x) if args.gradients or args.steps or args.report else None
    with status("parity") as shown:
        report = compare_files(
            a, b, x, lambda part: shown.update(as_text(f"parity: {part}")), training=asked, given=options
        )
    page = None
    if args.report:
        from paddle_tsm.parity.report_page import write_page

        page = write_page(report, a, b, args.report)
    if args.json:
        write_json(report, args.json)
    if args.junit:
        write_junit(report, args.junit)
    show(report, page)
    return 0 if report.equal else 1


def show(report, page) -> None:
    """Print the report and where its page is. A reader that has closed the pipe does not change the exit code."""
    from paddle_tsm.parity.console_report import print_report, print_seconds
    from paddle_tsm.terminal.literal_text import literal, plain_console

    console = plain_console()
    try:
        print_report(report, console)
        print_seconds(report, console)
        if page:
            console.print(f"report: {literal(page)}", soft_wrap=True)
        sys.stdout.flush()
    except SystemExit as end:
        if end.code != 1:  # 1 is rich's answer to a closed pipe
            raise


def check(args) -> None:
    """Raise ValueError for an option that cannot be."""
    from paddle_tsm.parity.tolerance import step_limit

    if args.differences:
        beside = [f"--{name}" for name in ("json", "junit", "report", "video") if getattr(args, name)]
        beside += ["a checkpoint"] * (args.a is not None)
        if beside:
            raise ValueError(f"--differences: got {beside[0]} beside it; it compares nothing, it prints a table")
        return
    if args.a is None:
        raise ValueError("A: got no checkpoint, wanted one (or --differences)")
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


def training(args, a, x):
    """What to compare of the training: the batches are seeded noise, or the video's clip again and again."""
    from paddle_tsm.parity.comparison import Training
    from paddle_tsm.parity.seeded_input import seeded_labels
    from paddle_tsm.parity.steps import seeded_batches

    steps = args.steps or (5 if args.report else 0)
    clips = len(x) // a.network.num_segments
    if args.video:
        batches = [(x, seeded_labels(clips, a.network.num_classes, args.seed + i)) for i in range(max(steps, 1))]
    else:
        batches = seeded_batches(a.network, max(steps, 1), clips, x.shape[-1], args.seed)
    return Training(
        batches,
        gradients=bool(args.gradients or args.report),
        steps=steps > 0,
        float32=bool(args.float32 or args.report),
        plots=bool(args.report),
        lr=0.01 if args.lr is None else args.lr,
    )


def noise(args, a):
    """Seeded noise for the network in `a`: float64 [N*T, 3, size, size]. A batch of a frame or two would make the
    training pass ill-conditioned: a BatchNorm over two values is a sign function."""
    from paddle_tsm.parity.seeded_input import noise_clip

    segments = a.network.num_segments
    return noise_clip(segments, args.size or 64, args.clips or -(-8 // segments), args.seed)


def video_clip(args, a):
    """The video's clip for the network in `a`: float64 [T, 3, size, size]."""
    from paddle_tsm.data.test_clip import read_clip

    return read_clip(args.video, a.network.num_segments, args.size or a.input.filled().size).astype("float64")
