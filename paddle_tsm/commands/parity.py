"""`paddle-tsm parity`: the same checkpoint and input in both frameworks."""

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
    parser.add_argument("a", metavar="A", help="a checkpoint, run in PyTorch")
    parser.add_argument("b", metavar="B", nargs="?", help="a checkpoint, run in Paddle (A)")
    parser.add_argument("--video", metavar="FILE", help="compare on a clip of this video (seeded noise)")
    parser.add_argument("--size", type=int, metavar="S", help="height and width of the input (64; 224 with --video)")
    parser.add_argument("--clips", type=int, metavar="N", help="clips of noise in the batch (as many as make 8 frames)")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (0)")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON")
    parser.add_argument("--junit", metavar="FILE", help="write the report as JUnit XML, one test case an output")
    parser.add_argument("--allow-nan", action="store_true", help="go on where weights are NaN or infinite")
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from rich.console import Console

    from paddle_tsm.parity.files import compare_files, read_pair
    from paddle_tsm.parity.show import print_report, print_seconds, write_json, write_junit

    for name in ("clips", "size"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise ValueError(f"--{name}: got {getattr(args, name)}, wanted at least 1")
    a, b = read_pair(args.a, args.b, allow_nan=args.allow_nan, **network_options(args))
    x = video_clip(args, a) if args.video else noise(args, a)
    with Console(stderr=True).status("parity") as status:
        report = compare_files(a, b, x, step=lambda part: status.update(f"parity: {part}"))
    console = Console()
    print_report(report, console)
    print_seconds(report, console)
    if args.json:
        write_json(report, args.json)
    if args.junit:
        write_junit(report, args.junit)
    sys.stdout.flush()
    return 0 if report.equal else 1


def noise(args, a):
    """Seeded noise for the network in `a`: float64 [N*T, 3, size, size]. A batch of a frame or two would make the
    training pass ill-conditioned: a BatchNorm over two values is a sign function."""
    from paddle_tsm.parity.files import noise_clip

    segments = a.network.num_segments
    return noise_clip(segments, args.size or 64, args.clips or -(-8 // segments), args.seed)


def video_clip(args, a):
    """The video's clip for the network in `a`: float64 [T, 3, size, size]."""
    from paddle_tsm.video import read_clip

    return read_clip(args.video, a.network.num_segments, args.size or 224).astype("float64")
