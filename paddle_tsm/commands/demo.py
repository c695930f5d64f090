"""`paddle-tsm demo`: the main job on a clip and a checkpoint made on the spot."""

import os
import time


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="make a clip and a checkpoint, convert it, compare both frameworks",
        description="Make a short .mp4 and a TSM checkpoint in mmaction2's layout, convert it, and compare PyTorch and "
        "Paddle on the clip. Nothing is downloaded.",
        epilog="example: paddle-tsm demo --out demo",
    )
    parser.add_argument("--out", default="demo", metavar="DIR", help="folder for the files that are made (demo)")
    parser.add_argument("--arch", default="tsm_resnet50", help="(tsm_resnet50)")
    parser.set_defaults(run=run)


def run(args) -> int:
    from rich.console import Console

    from paddle_tsm.convert import convert
    from paddle_tsm.demo import write_demo_checkpoint, write_demo_video
    from paddle_tsm.network import Network
    from paddle_tsm.parity.files import compare_files, read_pair
    from paddle_tsm.parity.show import print_report, print_seconds
    from paddle_tsm.video import read_clip

    network = Network(args.arch)
    os.makedirs(args.out, exist_ok=True)
    video, checkpoint, converted = (
        os.path.join(args.out, name) for name in ("clip.mp4", f"{args.arch}_mmaction2.pth", f"{args.arch}.safetensors")
    )
    console = Console()
    start = time.perf_counter()

    def done(what: str) -> None:
        nonlocal start
        console.print(f"{time.perf_counter() - start:5.1f} s  {what}", highlight=False, soft_wrap=True)
        start = time.perf_counter()

    write_demo_video(video)
    done(f"made {video}")
    write_demo_checkpoint(checkpoint, network)
    done(f"made {checkpoint}, as mmaction2 would have written it")
    convert(checkpoint, converted)
    done(f"converted it to {converted}")
    x = read_clip(video, network.num_segments).astype("float64")
    done(f"decoded {network.num_segments} frames")
    with Console(stderr=True).status("parity") as status:
        report = compare_files(*read_pair(checkpoint, converted), x, step=lambda part: status.update(f"parity: {part}"))
    done("ran both frameworks on the clip")
    print_report(report, console)
    print_seconds(report, console)
    return 0 if report.equal else 1
