"""`paddle-tsm demo`: convert and compare a checkpoint made on the spot; with --train, show what the shift does."""

from __future__ import annotations

import argparse
import os
import shlex
import time
from collections.abc import Callable

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.networks.families import ARCHITECTURES


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "demo",
        "Convert and compare a checkpoint that is made on the spot.",
        "",
        (
            "Make a short video and a TSM checkpoint in mmaction2's layout, convert it, and compare PyTorch and "
            "Paddle on the video.",
            "With --train: make videos in which only the order of the frames tells the class, and train a small "
            "network on them with the temporal shift and without it. This takes some minutes.",
            "Nothing is downloaded.",
        ),
        ("paddle-tsm demo --out demo", "paddle-tsm demo --train"),
    )
    parser.add_argument("--out", default="demo", metavar="DIR", help="The folder for the files. Default: demo.")
    parser.add_argument(
        "--arch",
        default="tsm_resnet50",
        metavar="A",
        help=f"The network: {', '.join(ARCHITECTURES)}. Default: tsm_resnet50.",
    )
    parser.add_argument("--train", action="store_true", help="Train with the shift and without it, and compare.")
    parser.add_argument("--without-torch", action="store_true", help="Leave out the comparison with PyTorch.")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.train:
        return run_training(args.out)
    from paddle_tsm.files.made_folder import made_folder

    if not args.without_torch:
        need_torch()
    with made_folder(args.out):
        return run_parity(args.out, args.arch, args.without_torch)


def need_torch() -> None:
    """Raise ValueError where PyTorch cannot be imported: at once, not after the steps that need none."""
    from paddle_tsm.parity.checkpoint_pair import sides

    try:
        sides()
    except ValueError as error:
        raise ValueError(f"{error}; or go without: `paddle-tsm demo --without-torch`") from None


def run_parity(out: str, arch: str, without_torch: bool) -> int:
    """Make, convert and compare. Returns 0 where the two networks agree, else 1."""
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.conversion.convert import convert
    from paddle_tsm.data.centre_clip import read_centre_clip
    from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
    from paddle_tsm.networks.network import Network
    from paddle_tsm.parity.checkpoint_pair import compare_files, read_pair
    from paddle_tsm.parity.report.console_report import print_report, print_seconds
    from paddle_tsm.terminal.literal_text import as_text, plain_console, status

    network = Network(arch)
    names = "clip.mp4", f"{arch}_mmaction2.pth", f"{arch}.safetensors"
    video, checkpoint, converted = (os.path.join(out, name) for name in names)
    console = plain_console()
    done = step_printer(console)

    write_demo_video(video)
    done(f"made {video}")
    write_demo_checkpoint(checkpoint, network)
    done(f"made {checkpoint}, as mmaction2 would have written it")
    difference = convert(checkpoint, converted).difference
    done(f"converted it to {converted}; in Paddle the two files' logits differ by {difference:.1e} of the largest")
    x = read_centre_clip(video, network.num_segments).astype("float64")
    done(f"decoded {network.num_segments} frames")
    if without_torch:
        return run_in_paddle(checkpoint, converted, x, done)
    with status("parity") as spinner:
        pair = read_pair(checkpoint, converted)
        report = compare_files(*pair, x, progress=lambda part: spinner.update(as_text(f"parity: {part}")))
    done("ran both frameworks on the clip")
    print_report(report, console)
    print_seconds(report, console)
    return 0 if report.equal else 1


def run_in_paddle(checkpoint: str, converted: str, x, done: Callable[[str], None]) -> int:
    """Run both files in Paddle on the clip x, float64 [T, 3, H, W]. Returns 0 where they agree, else 1."""
    from paddle_tsm.models.load import load_model
    from paddle_tsm.parity.compare import distance
    from paddle_tsm.parity.tolerance import TOLERANCES
    from paddle_tsm.runtime import import_paddle

    paddle = import_paddle()
    with paddle.no_grad():
        a, b = (load_model(path).to(dtype="float64")(paddle.to_tensor(x)).numpy() for path in (checkpoint, converted))
    difference = distance(a, b)[1]
    done(f"ran both files in Paddle on the clip: logits {list(a.shape)} differ by {difference:.1e} of the largest")
    done("left out the comparison with PyTorch (--without-torch)")
    return 0 if difference <= TOLERANCES["float64"].limit else 1


def step_printer(console) -> Callable[[str], None]:
    """A function that prints what was done, and the seconds since its last call."""
    from paddle_tsm.terminal.literal_text import literal

    start = time.perf_counter()

    def done(what: str) -> None:
        nonlocal start
        console.print(f"{time.perf_counter() - start:5.1f} s  {literal(what)}", soft_wrap=True)
        start = time.perf_counter()

    return done


def run_training(out: str) -> int:
    """Train with the shift and without it. Returns 0 where the network with it is right above the wanted share and the
    one without it is at chance, else 1."""
    from paddle_tsm.runtime import import_paddle
    from paddle_tsm.terminal.literal_text import literal, plain_console

    import_paddle()
    from paddle_tsm.demo.motion import at_chance, train_motion_demo
    from paddle_tsm.demo.settings import WANTED_TOP1
    from paddle_tsm.files.made_folder import made_folder

    console, start = plain_console(), time.perf_counter()
    with made_folder(out):
        (tsm, tsn), clips = train_motion_demo(out, step_printer(console))
    print_training((tsm, tsn), clips, console)
    folder = os.path.join(out, "motion")
    advice = ["paddle-tsm", "evaluate", os.path.join(folder, "val.txt"), "--root", folder, "--weights", tsm.weights]
    console.print(f"{time.perf_counter() - start:.0f} s in all; try: {literal(shlex.join(advice))}", soft_wrap=True)
    return 0 if tsm.top1 > WANTED_TOP1 and at_chance(tsn.top1, clips) else 1


def print_training(results, clips: int, console) -> None:
    """Print what each network got right of `clips` clips, and what guessing would."""
    from rich.table import Table

    from paddle_tsm.demo.settings import CHANCE

    table = Table(title=f"{clips} clips that no network has seen", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for header in ("top-1", "played backward: the opposite class", "trained in"):
        table.add_column(header, justify="right")
    for one in results:
        table.add_row(one.name, f"{100 * one.top1:.1f} %", f"{100 * one.opposite:.1f} %", f"{one.seconds:.0f} s")
    table.add_row("guessing", f"{100 * CHANCE:.1f} %", "", "")
    console.print(table)
