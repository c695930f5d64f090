"""`paddle-tsm stream`: a causal network on a video or a camera, a frame at a time."""

from __future__ import annotations

import argparse
import time
from collections import deque
from dataclasses import replace

from paddle_tsm.commands.engine import add_engine_options
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.data.presets import SYSTEMS


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "stream",
        help="label a video or a camera frame by frame",
        description="Run the online (causal) network as frames come: each frame is computed once. A line is printed "
        "whenever the label changes.",
        epilog="examples:\n  paddle-tsm stream gestures.mp4 --weights mobilenet_v2_online.pth --classes jester.txt\n"
        "  paddle-tsm stream 0 --weights mobilenet_v2_online.pth --every 2        (camera 0, every second frame)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("video", metavar="VIDEO", help="a video file, or the number of a camera")
    parser.add_argument("--weights", required=True, metavar="W", help="a checkpoint of a causal network, or a folder that `export --stream` wrote")
    parser.add_argument("--classes", metavar="FILE", help="names of the classes, one a line (what the file records)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="use every N-th frame (%(default)s)")
    parser.add_argument("--average", type=int, default=8, metavar="N",
                        help="frames whose logits are averaged for the label (%(default)s)")  # fmt: skip
    parser.add_argument("--frames", type=int, metavar="N", help="stop after so many frames")
    parser.add_argument("--preset", choices=tuple(SYSTEMS), help="whose pixels (what the file records, else its layout's)")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="the network's input (what the file records, else 224)")
    parser.add_argument("--out", metavar="VIDEO", help="write the video with its labels, .mp4 or .avi")
    add_engine_options(parser, precisions=("float32",))
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    import contextlib

    import numpy as np

    from paddle_tsm.commands.engine import stream_of
    from paddle_tsm.commands.recorded_input import chosen_input, described, given_names
    from paddle_tsm.data.clip import views_of
    from paddle_tsm.data.scores import average_views
    from paddle_tsm.labelled_video import frames_of, video_writer

    for name in ("every", "average"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name}: got {getattr(args, name)}, wanted at least 1")
    options = network_options(args)
    found = described(args.weights, **options)
    given = {"preset": args.preset, "size": args.size, "class_names": given_names(args.classes, found.network.num_classes)}
    taken = replace(chosen_input("stream", args.weights, found, given, options), sampling="uniform", crops="centre")
    pixels = taken.pixels()
    stream = stream_of(args.weights, args, options, pixels.test_size)
    names = taken.names_of(stream.network.num_classes)
    frames, rate = frames_of(int(args.video) if args.video.isdigit() else args.video)
    recent: deque = deque(maxlen=args.average)
    label, used, seconds, text = None, 0, 0.0, ""
    with video_writer(args.out, rate) if args.out else contextlib.nullcontext() as write:
        for number, frame in enumerate(frames):
            if args.frames is not None and number >= args.frames:
                break
            if number % args.every == 0:
                start = time.perf_counter()
                recent.append(stream.step(views_of(pixels, [frame]))[0])
                seconds, used = seconds + time.perf_counter() - start, used + 1
                scores = average_views(np.mean(recent, axis=0)[None], "probabilities")
                best = int(scores.argmax())
                text = f"{names[best]}  {100 * scores[best]:.1f} %"
                if best != label:
                    label = best
                    print(f"{number / rate:8.2f} s  frame {number:6d}  {text}", flush=True)
            if write:
                write(frame, [text])
    if not used:
        raise ValueError(f"{args.video}: no frame could be read")
    print(f"{used} frames, {used / seconds:.1f} frames/s")
    return 0
