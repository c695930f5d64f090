"""`paddle-tsm demo`: the main job on a clip and a checkpoint made on the spot; --train: what the shift is for."""

import argparse
import os
import shlex
import time


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
    parser.set_defaults(run=run)


def run(args) -> int:
    return run_training(args) if args.train else run_parity(args)


def run_parity(args) -> int:
    from paddle_tsm.convert import convert
    from paddle_tsm.demo import write_demo_checkpoint, write_demo_video
    from paddle_tsm.literal_text import as_text, plain_console, status
    from paddle_tsm.network import Network
    from paddle_tsm.parity.files import compare_files, read_pair
    from paddle_tsm.parity.show import print_report, print_seconds
    from paddle_tsm.video import read_clip

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
    convert(checkpoint, converted)
    done(f"converted it to {converted}")
    x = read_clip(video, network.num_segments).astype("float64")
    done(f"decoded {network.num_segments} frames")
    with status("parity") as shown:
        report = compare_files(*read_pair(checkpoint, converted), x, step=lambda part: shown.update(as_text(f"parity: {part}")))
    done("ran both frameworks on the clip")
    print_report(report, console)
    print_seconds(report, console)
    return 0 if report.equal else 1


def steps_shown(console):
    """done(what): print what was done and the seconds since the last."""
    from paddle_tsm.literal_text import literal

    start = time.perf_counter()

    def done(what: str) -> None:
        nonlocal start
        console.print(f"{time.perf_counter() - start:5.1f} s  {literal(what)}", soft_wrap=True)
        start = time.perf_counter()

    return done


def run_training(args) -> int:
    """Exit code 0 where the network with the shift is right above 95 % and the one without it is at chance."""
    from rich.table import Table

    from paddle_tsm.literal_text import literal, plain_console
    from paddle_tsm.runtime import import_paddle

    import_paddle()
    from paddle_tsm.motion_demo import CHANCE, WANTED, at_chance, train_motion_demo

    os.makedirs(args.out, exist_ok=True)
    console, start = plain_console(), time.perf_counter()
    (tsm, tsn), clips = train_motion_demo(args.out, steps_shown(console))
    table = Table(title=f"{clips} clips that no network has seen", title_justify="left", box=None, pad_edge=False)
    for header, justify in (("", "left"), ("top-1", "right"), ("played backward: the opposite class", "right"), ("trained in", "right")):
        table.add_column(header, justify=justify)
    for shown in (tsm, tsn):
        row = f"{100 * shown.top1:.1f} %", f"{100 * shown.opposite:.1f} %", f"{shown.seconds:.0f} s"
        table.add_row(shown.name, *row)
    table.add_row("guessing", f"{100 * CHANCE:.1f} %", "", "")
    console.print(table)
    folder = os.path.join(args.out, "motion")
    advice = ["paddle-tsm", "evaluate", os.path.join(folder, "val.txt"), "--root", folder, "--size", "32", "--weights", tsm.weights]
    console.print(f"{time.perf_counter() - start:.0f} s in all; try: {literal(shlex.join(advice))}", soft_wrap=True)
    return 0 if tsm.top1 > WANTED and at_chance(tsn.top1, clips) else 1
