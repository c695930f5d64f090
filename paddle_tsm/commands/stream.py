"""`paddle-tsm stream`: run a causal network on videos, cameras and addresses, one frame at a time."""

from __future__ import annotations

import argparse
import signal
from dataclasses import replace

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import (
    add_at_once_options,
    add_classes_option,
    add_engine_options,
    add_network_key,
    add_pixel_options,
    add_source_options,
    at_least,
    patience_of,
)

MAY_WAIT = 2  # frames of a live source: a label is of now


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "stream",
        "Label videos, cameras and addresses, frame by frame.",
        "VIDEO... --weights W",
        (
            "Run the online (causal) network as frames come. Each frame is computed once, and a line is printed "
            "whenever the label changes. On a terminal a line below says the label and the speed at the moment.",
            "A source that is silent, changes its size, sends damaged frames or ends too early is told on stderr. "
            "Where one could not be read, or not to its end, the exit code is 2.",
            "Ctrl-C ends the run, as SIGTERM and closing the terminal do: the current frame is finished, the video of "
            "--out is completed, and the summary is printed. The exit code is then 130 (SIGTERM: 143, terminal: 129).",
        ),
        (
            "paddle-tsm stream gestures.mp4 --weights mobilenet_v2_online.pth --classes jester.txt",
            "paddle-tsm stream 0 --weights mobilenet_v2_online.pth --every 2",
            "ffmpeg -i clip.mkv -c copy -f mpegts - | paddle-tsm stream - --weights mobilenet_v2_online.pth --json",
        ),
    )
    add_source_options(parser, camera=" The number of a camera, such as 0, is that camera.")
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
    parser.add_argument("--out", metavar="VIDEO", help="Write a copy of the one video with its labels: .mp4 or .avi.")
    parser.add_argument(
        "--json",
        action="store_true",
        help="Print a line of JSON whenever the label changes, and nothing else. The summary goes to stderr.",
    )
    parser.add_argument(
        "--strict", action="store_true", help="Refuse a video that does not hold what its container says."
    )
    add_at_once_options(parser)
    add_network_key(parser, "W")
    add_pixel_options(parser, ("preset", "size"))
    add_engine_options(parser, precisions=("float32",))
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.messages import checkpoint_of, print_encoder, print_remarks
    from paddle_tsm.data.presets import preset_of
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.inference.engine_choice import EngineChoice
    from paddle_tsm.inference.frame_labeller import FrameLabeller
    from paddle_tsm.inference.recorded_input import chosen_input, named_classes, read_description
    from paddle_tsm.inference.video_classes import need_rgb
    from paddle_tsm.sources.video_sources import find_sources
    from paddle_tsm.videos.video_writer import check_place

    for name in ("every", "average", "at_once"):
        at_least(args, name, 1)
    args.weights = checkpoint_of("stream", args.weights)
    sources = find_sources(args.video, args.list, args.root)
    keep_inputs({"--out": args.out}, (*(one.path for one in sources), args.list, args.weights, args.classes))
    if args.out:
        if len(sources) > 1:
            raise ValueError(f"--out: got {len(sources)} videos, wanted one")
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
    if args.out:
        print_encoder("stream", args.out)
    return label_sources(args, sources, lambda: FrameLabeller(predictor.clone(), preset, names, args.average))


def label_sources(args: argparse.Namespace, sources: list, new_labeller) -> int:
    """Label every source, print what is found, and the summaries at the end or after a signal. Returns the exit code.

    new_labeller: makes a FrameLabeller, one for each source.
    """
    from paddle_tsm.commands.source_remarks import SourceRemarks
    from paddle_tsm.commands.streamed_source import StreamedSource
    from paddle_tsm.sources.feeds_in_turn import feeds_in_turn
    from paddle_tsm.terminal.live_line import LiveLine
    from paddle_tsm.training.stop import finish_request

    line, several, patience = LiveLine(), len(sources) > 1, patience_of(args)
    remarks = SourceRemarks("stream", args.strict, line.clear)
    readable = remarks.checked(sources)
    streamed = {one: StreamedSource(one, new_labeller(), args, several, line) for one in readable}
    with finish_request() as request:
        feeds = feeds_in_turn(
            readable,
            patience,
            args.at_once,
            args.live or None,
            MAY_WAIT,
            remarks.tell,
            lambda: request.signal is not None,
        )
        try:
            for feed, frame in feeds:
                if frame is None:
                    streamed[feed.source].end(feed, remarks, request.signal is not None)
                elif not streamed[feed.source].label(frame, feed.rate):
                    feed.stop()
        finally:
            feeds.close()
            line.clear()
            for one in streamed.values():
                one.close()
        if request.signal is not None:
            labelled = any(one.labeller.frames for one in streamed.values())
            if not labelled and request.signal == signal.SIGINT:
                raise KeyboardInterrupt  # no frame was labelled, so there was nothing to finish
            return 128 + request.signal
    return 2 if remarks.failed else 0
