"""`paddle-tsm stream`: a causal network on a video or a camera, a frame at a time."""

from __future__ import annotations

import argparse
import contextlib
import signal
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
        "whenever the label changes.\n\nCtrl-C (and SIGTERM, and closing the terminal) ends it, as a camera never does: the "
        "frame that runs is finished, the video of --out is completed, the summary printed; the exit code is then 130 (143, 129).",
        epilog="examples:\n  paddle-tsm stream gestures.mp4 --weights mobilenet_v2_online.pth --classes jester.txt\n"
        "  paddle-tsm stream 0 --weights mobilenet_v2_online.pth --every 2        (camera 0, every second frame)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("video", metavar="VIDEO", help="a video file, or the number of a camera")
    parser.add_argument(
        "--weights",
        required=True,
        metavar="W",
        help="a checkpoint of a causal network, or a folder that `export --stream` wrote",
    )
    parser.add_argument("--classes", metavar="FILE", help="names of the classes, one a line (what the file records)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="use every N-th frame (%(default)s)")
    parser.add_argument("--average", type=int, default=8, metavar="N",
                        help="frames whose logits are averaged for the label (%(default)s)")  # fmt: skip
    parser.add_argument("--frames", type=int, metavar="N", help="stop after so many frames")
    parser.add_argument(
        "--preset", choices=tuple(SYSTEMS), help="whose pixels (what the file records, else its layout's)"
    )
    parser.add_argument(
        "--size", type=int, metavar="PIXELS", help="the network's input (what the file records, else 224)"
    )
    parser.add_argument("--out", metavar="VIDEO", help="write the video with its labels, .mp4 or .avi")
    parser.add_argument("--strict", action="store_true", help="refuse a video that is not what its container says")
    parser.add_argument("--network", metavar="KEY", help="which of several networks in W, as EMA beside the other")
    add_engine_options(parser, precisions=("float32",))
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from paddle_tsm.commands.engine import stream_of
    from paddle_tsm.commands.odd_videos import look_at, print_note
    from paddle_tsm.commands.recorded_input import chosen_input, described, given_names
    from paddle_tsm.data.presets import preset_of
    from paddle_tsm.files.inputs_kept import keep_inputs
    from paddle_tsm.inference.labelled_video import frames_of

    for name in ("every", "average"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name}: got {getattr(args, name)}, wanted at least 1")
    camera = args.video.isdigit()
    keep_inputs({"--out": args.out}, (None if camera else args.video, args.weights, args.classes))
    options = network_options(args) | {"network": args.network}
    found = described(args.weights, **options)
    given = {
        "preset": args.preset,
        "size": args.size,
        "class_names": given_names(args.classes, found.network.num_classes),
    }
    taken = replace(chosen_input("stream", args.weights, found, given, options), sampling="uniform", crops="centre")
    pixels = preset_of(taken)
    stream = stream_of(args.weights, args, options, pixels.test_size)
    names = taken.names_of(stream.network.num_classes)
    if not camera:
        print_note(look_at(args.video, args.strict, thorough=True))
    frames, rate = frames_of(int(args.video) if camera else args.video)
    return label_frames(args, Labeller(stream, pixels, names, args.average), frames, rate)


class Labeller:
    """The label of a stream's frames. average: how many frames' logits are averaged for it."""

    def __init__(self, stream, pixels, names, average: int):
        self.stream, self.pixels, self.names = stream, pixels, names
        self.recent: deque = deque(maxlen=average)
        self.used, self.seconds = 0, 0.0

    def __call__(self, frame) -> tuple[int, str]:
        """(class, its name and probability) after the frame, RGB [H, W, 3] uint8."""
        import numpy as np

        from paddle_tsm.data.clip import views_of
        from paddle_tsm.data.scores import average_views

        start = time.perf_counter()
        self.recent.append(self.stream.step(views_of(self.pixels, [frame]))[0])
        self.seconds, self.used = self.seconds + time.perf_counter() - start, self.used + 1
        scores = average_views(np.mean(self.recent, axis=0)[None], "probabilities")
        best = int(scores.argmax())
        return best, f"{self.names[best]}  {100 * scores[best]:.1f} %"


def label_frames(args, labeller: Labeller, frames, rate: float) -> int:
    """Print the label whenever it changes, write the video, and at the end, or on Ctrl-C, the summary; the exit code."""
    from paddle_tsm.inference.labelled_video import video_writer
    from paddle_tsm.terminal.literal_text import literal
    from paddle_tsm.training.stop import finish_request

    label, text, written = None, "", 0
    with finish_request() as request, contextlib.ExitStack() as stack:
        write = stack.enter_context(video_writer(args.out, rate)) if args.out else None
        for number, frame in enumerate(frames):
            if args.frames is not None and number >= args.frames or request.signal is not None:
                break
            if number % args.every == 0:
                best, text = labeller(frame)
                if best != label:
                    label = best
                    print(literal(f"{number / rate:8.2f} s  frame {number:6d}  {text}"), flush=True)
            if write:
                write(frame, [text])
                written += 1
        if not labeller.used and request.signal is not None:
            # nothing was seen, so that there is nothing to finish
            raise KeyboardInterrupt if request.signal == signal.SIGINT else SystemExit(128 + request.signal)
        if not labeller.used:
            raise ValueError(f"{args.video}: no frame could be read")
        stack.close()  # the video takes its name while signals still wait
        print(f"{labeller.used} frames, {labeller.used / labeller.seconds:.1f} frames/s", flush=True)
        if args.out:
            print(literal(f"{args.out}: {written} frames"), flush=True)
        return 0 if request.signal is None else 128 + request.signal
