"""`paddle-tsm stream`: run a causal network on a video or a camera, one frame at a time."""

from __future__ import annotations

import argparse
import contextlib
import signal
from dataclasses import replace

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import (
    add_classes_option,
    add_engine_options,
    add_network_key,
    add_pixel_options,
)


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "stream",
        "Label a video or a camera, frame by frame.",
        "VIDEO --weights W",
        (
            "Run the online (causal) network as frames come. Each frame is computed once, and a line is printed "
            "whenever the label changes. On a terminal a line below says the label and the speed at the moment.",
            "Ctrl-C ends the run, as SIGTERM and closing the terminal do: the current frame is finished, the video of "
            "--out is completed, and the summary is printed. The exit code is then 130 (SIGTERM: 143, terminal: 129).",
        ),
        (
            "paddle-tsm stream gestures.mp4 --weights mobilenet_v2_online.pth --classes jester.txt",
            "paddle-tsm stream 0 --weights mobilenet_v2_online.pth --every 2",
        ),
    )
    parser.add_argument("video", metavar="VIDEO", help="A video file, or the number of a camera.")
    parser.add_argument(
        "--weights",
        required=True,
        metavar="W",
        help="A checkpoint of a causal network, or a folder that `paddle-tsm train` or `paddle-tsm export --stream` "
        "wrote.",
    )
    add_classes_option(parser)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="Use every N-th frame. Default: 1.")
    parser.add_argument(
        "--average",
        type=int,
        default=8,
        metavar="N",
        help="The label comes from the mean of the last N frames' logits. Default: 8.",
    )
    parser.add_argument("--frames", type=int, metavar="N", help="Stop after N frames. Default: at the end.")
    parser.add_argument("--out", metavar="VIDEO", help="Write a copy of the video with its labels: .mp4 or .avi.")
    parser.add_argument(
        "--strict", action="store_true", help="Refuse a video that does not hold what its container says."
    )
    add_network_key(parser, "W")
    add_pixel_options(parser, ("preset", "size"))
    add_engine_options(parser, precisions=("float32",))
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.messages import checkpoint_of, print_remarks, print_video_notes
    from paddle_tsm.data.presets import preset_of
    from paddle_tsm.data.video_check import check_video
    from paddle_tsm.data.video_writer import check_place
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.inference.engine_choice import EngineChoice
    from paddle_tsm.inference.frame_labeller import FrameLabeller
    from paddle_tsm.inference.labelled_video import frames_of
    from paddle_tsm.inference.recorded_input import chosen_input, named_classes, read_description
    from paddle_tsm.inference.video_classes import need_rgb

    for name in ("every", "average"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name}: got {getattr(args, name)}, wanted at least 1")
    camera = args.video.isdigit()
    args.weights = checkpoint_of("stream", args.weights)
    keep_inputs({"--out": args.out}, (None if camera else args.video, args.weights, args.classes))
    if args.out:
        check_place(args.out)
    options = network_options(args) | {"network": args.network}
    found = read_description(args.weights, **options)
    given = {
        "preset": args.preset,
        "size": args.size,
        "class_names": named_classes(args.classes, found.network.num_classes),
    }
    recorded, remarks = chosen_input(args.weights, found, given, options)
    print_remarks("stream", remarks)
    taken = replace(recorded, sampling="uniform", crops="centre")  # a stream has one view
    preset = preset_of(taken)
    preset.check_network(found.network)
    need_rgb(preset)
    predictor = EngineChoice(args.engine, threads=args.threads).stream(args.weights, options, preset.test_size)
    names = taken.names_of(predictor.network.num_classes)
    if not camera:
        print_video_notes(check_video(args.video, args.strict, thorough=True))
    frames, rate = frames_of(int(args.video) if camera else args.video)
    labeller = FrameLabeller(predictor, preset, names, args.average)
    return label_frames(labeller, frames, rate, args.video, args.every, args.frames, args.out)


def label_frames(labeller, frames, rate: float, video: str, every: int, limit: int | None, out: str | None) -> int:
    """Print the label whenever it changes, write the video, and print the summary at the end or after a signal.

    labeller: a FrameLabeller. rate: frames a second. limit: stop after so many frames. Returns the exit code. Raises
    ValueError where `video` has no frame.
    """
    from paddle_tsm.commands.messages import print_encoder
    from paddle_tsm.inference.labelled_video import labelled_video
    from paddle_tsm.terminal.literal_text import literal
    from paddle_tsm.terminal.live_line import LiveLine
    from paddle_tsm.training.stop import finish_request

    label, text, written, line = None, "", 0, LiveLine()
    with finish_request() as request, contextlib.ExitStack() as stack:
        stack.callback(line.clear)
        if out:
            print_encoder("stream", out)
        sound = None if video.isdigit() else video
        write = stack.enter_context(labelled_video(out, rate, sound)) if out else None
        for number, frame in enumerate(frames):
            if limit is not None and number >= limit or request.signal is not None:
                break
            if number % every == 0:
                best, text = labeller(frame)
                if best != label:
                    label = best
                    line.print(f"{number / rate:8.2f} s  frame {number:6d}  {text}")
                line.update(f"{text}  {labeller.frames / labeller.seconds:.1f} frames/s  Ctrl-C ends")
            if write:
                write(frame, [text])
                written += 1
        if not labeller.frames and request.signal is not None:
            # no frame was labelled, so there is nothing to finish
            raise KeyboardInterrupt if request.signal == signal.SIGINT else SystemExit(128 + request.signal)
        if not labeller.frames:
            raise ValueError(f"{video}: no frame could be read")
        stack.close()  # the video takes its name while signals still wait
        print(f"{labeller.frames} frames, {labeller.frames / labeller.seconds:.1f} frames/s", flush=True)
        if out:
            print(literal(f"{out}: {written} frames"), flush=True)
        return 0 if request.signal is None else 128 + request.signal
