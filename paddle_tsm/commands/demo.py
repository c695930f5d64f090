"""`paddle-tsm demo`: the main job on a clip and a checkpoint made on the spot; --train: what the shift is for."""

import argparse
import os
import shlex
import time
from importlib.util import find_spec


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="make a clip and a checkpoint, convert it, compare both frameworks",
        description="Make a short .mp4 and a TSM checkpoint in mmaction2's layout, convert it, and compare PyTorch and\n"
        "Paddle on the clip. With --train: make videos in which only the order of the frames tells the class, and train a\n"
        "small network on them with the temporal shift and without it. Nothing is downloaded.",
        epilog="examples: paddle-tsm demo --out demo\n          paddle-tsm demo --train      (about two minutes on two processors)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", default="demo", metavar="DIR", help="folder for the files that are made (demo)")
    parser.add_argument("--arch", default="tsm_resnet50", help="(tsm_resnet50)")
    parser.add_argument("--train", action="store_true", help="train with the shift and without it, and compare")
    parser.add_argument("--without-torch", action="store_true", help="leave out the comparison with PyTorch")
    parser.set_defaults(run=run)


def run(args) -> int:
    if args.train:
        return run_training(args)
    if not args.without_torch and find_spec("torch") is None:  # at once, not after the steps that need no PyTorch
        raise ValueError("PyTorch is not installed, wanted to compare with it; README.md, \"Install\", says how to get it; "
                         "--without-torch shows the rest")  # fmt: skip
    return run_parity(args)


def run_parity(args) -> int:
    from paddle_tsm.conversion.convert import convert
    from paddle_tsm.data.test_clip import read_clip
    from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
    from paddle_tsm.networks.network import Network
    from paddle_tsm.parity.checkpoint_pair import compare_files, read_pair
    from paddle_tsm.parity.console_report import print_report, print_seconds
    from paddle_tsm.terminal.literal_text import as_text, plain_console, status

    network = Network(args.arch)
    os.makedirs(args.out, exist_ok=True)
    video, checkpoint, converted = (
        os.path.join(args.out, name) for name in ("clip.mp4", f"{args.arch}_mmaction2.pth", f"{args.arch}.safetensors")
    )
    console = plain_console()
    done = steps_shown(console)

    write_demo_video(video)
    done(f"made {video}")
    write_demo_checkpoint(checkpoint, network)
    done(f"made {checkpoint}, as mmaction2 would have written it")
    difference = convert(checkpoint, converted).difference
    done(f"converted it to {converted}; in Paddle the two files' logits differ by {difference:.1e} of the largest")
    x = read_clip(video, network.num_segments).astype("float64")
    done(f"decoded {network.num_segments} frames")
    if args.without_torch:
        return run_in_paddle(checkpoint, converted, x, done)
    with status("parity") as shown:
        report = compare_files(
            *read_pair(checkpoint, converted), x, step=lambda part: shown.update(as_text(f"parity: {part}"))
        )
    done("ran both frameworks on the clip")
    print_report(report, console)
    print_seconds(report, console)
    return 0 if report.equal else 1


def run_in_paddle(checkpoint: str, converted: str, x, done) -> int:
    """Run both files in Paddle on the clip x, float64 [T, 3, H, W], as `load_model` gives them. Exit code 0 where they
    agree.
    """
    from paddle_tsm.models.load import load_model
    from paddle_tsm.parity.compare import distance
    from paddle_tsm.parity.tolerance import TOLERANCES
    from paddle_tsm.runtime import import_paddle

    paddle = import_paddle()
    with paddle.no_grad():
        a, b = (load_model(path).to(dtype="float64")(paddle.to_tensor(x)).numpy() for path in (checkpoint, converted))
    difference = distance(a, b)[1]
    done(f"ran both files in Paddle on the clip: logits {list(a.shape)} differ by {difference:.1e} of the largest")
    done("not compared with PyTorch, which was left out (--without-torch)")
    return 0 if difference <= TOLERANCES["float64"].limit else 1


def steps_shown(console):
    """done(what): print what was done and the seconds since the last."""
    from paddle_tsm.terminal.literal_text import literal

    start = time.perf_counter()

    def done(what: str) -> None:
        nonlocal start
        console.print(f"{time.perf_counter() - start:5.1f} s  {literal(what)}", soft_wrap=True)
        start = time.perf_counter()

    return done


def run_training(args) -> int:
    """Exit code 0 where the network with the shift is right above 95 % and the one without it is at chance."""
    from rich.table import Table

    from paddle_tsm.runtime import import_paddle
    from paddle_tsm.terminal.literal_text import literal, plain_console

    import_paddle()
    from paddle_tsm.demo.motion import CHANCE, WANTED, at_chance, train_motion_demo

    os.makedirs(args.out, exist_ok=True)
    console, start = plain_console(), time.perf_counter()
    (tsm, tsn), clips = train_motion_demo(args.out, steps_shown(console))
    table = Table(title=f"{clips} clips that no network has seen", title_justify="left", box=None, pad_edge=False)
    for header, justify in (
        ("", "left"),
        ("top-1", "right"),
        ("played backward: the opposite class", "right"),
        ("trained in", "right"),
    ):
        table.add_column(header, justify=justify)
    for shown in (tsm, tsn):
        row = f"{100 * shown.top1:.1f} %", f"{100 * shown.opposite:.1f} %", f"{shown.seconds:.0f} s"
        table.add_row(shown.name, *row)
    table.add_row("guessing", f"{100 * CHANCE:.1f} %", "", "")
    console.print(table)
    folder = os.path.join(args.out, "motion")
    advice = ["paddle-tsm", "evaluate", os.path.join(folder, "val.txt"), "--root", folder, "--weights", tsm.weights]
    console.print(f"{time.perf_counter() - start:.0f} s in all; try: {literal(shlex.join(advice))}", soft_wrap=True)
    return 0 if tsm.top1 > WANTED and at_chance(tsn.top1, clips) else 1
