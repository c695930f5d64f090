"""`paddle-tsm predict`: the most probable classes of a video."""

from __future__ import annotations

import argparse
import json

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import (
    PIXELS,
    WEIGHTS,
    add_classes_option,
    add_engine_options,
    add_network_key,
    add_pixel_options,
)


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "predict",
        "Print the most probable classes of a video.",
        "VIDEO --weights W",
        (
            "Print the most probable classes of a video. With --out, also write a copy of it that has them on every "
            "frame.",
        ),
        (
            "paddle-tsm predict clip.mp4 --weights tsm_r50.safetensors --classes kinetics400.txt",
            "paddle-tsm predict clip.mp4 --weights tsm_r50.safetensors --crops three --sampling dense --out "
            "labelled.mp4",
        ),
    )
    parser.add_argument("video", metavar="VIDEO", help="A video file.")
    parser.add_argument(
        "--weights",
        required=True,
        metavar="W",
        help=f"{WEIGHTS}.",
    )
    add_classes_option(parser)
    parser.add_argument("--top", type=int, default=5, metavar="K", help="How many classes to print. Default: 5.")
    parser.add_argument(
        "--out", metavar="VIDEO", help="Write a copy of the video with the classes on it: .mp4 or .avi."
    )
    parser.add_argument("--json", action="store_true", help="Print JSON instead of a table.")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="Decode the whole video first, and refuse one that does not hold what its container says.",
    )
    add_network_key(parser, "W")
    add_pixel_options(parser)
    add_engine_options(parser)
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
    from paddle_tsm.inference.probabilities import top_classes
    from paddle_tsm.inference.recorded_input import chosen_input, named_classes, read_description
    from paddle_tsm.inference.video_classes import probabilities_of_video
    from paddle_tsm.terminal.literal_text import as_text, status

    if args.top < 1:
        raise ValueError(f"--top: got {args.top}, wanted at least 1")
    args.weights = checkpoint_of("predict", args.weights)
    keep_inputs({"--out": args.out}, (args.video, args.weights, args.classes))
    if args.out:
        check_place(args.out)
    with status("loading the network") as spinner:
        options = network_options(args) | {"network": args.network}
        found = read_description(args.weights, **options)
        given = {name: getattr(args, name) for name in PIXELS}
        given["class_names"] = named_classes(args.classes, found.network.num_classes)
        taken, remarks = chosen_input(args.weights, found, given, options)
        print_remarks("predict", remarks)
        preset = preset_of(taken)
        preset.check_network(found.network)
        notes = check_video(args.video, args.strict)
        engine = EngineChoice(args.engine, args.precision, args.threads)
        predictor = engine.predictor(args.weights, options, preset.test_size)
        network = predictor.network
        spinner.update(as_text("reading the video and running the network"))
        probabilities = probabilities_of_video(predictor, preset, network.num_segments, args.video, notes)
    print_video_notes(notes)
    names = taken.names_of(network.num_classes)
    top = top_classes(probabilities, names, args.top)
    if args.out:
        write_labelled(args.video, args.out, [f"{one['name']}  {100 * one['probability']:.1f} %" for one in top[:3]])
    how = f"{preset.name}, {taken.sampling}, {preset.crops_in_words}, mean of {preset.average}"
    if args.json:
        print(json.dumps({"video": args.video, "views": preset.views, "pixels": how, "top": top}, indent=2))
    else:
        print(f"{how}\n")
        print_top(args.video, top)
    return 0


def print_top(video: str, top: list[dict]) -> None:
    """Print the classes as a table with bars. top: see `top_classes`."""
    from rich.table import Table

    from paddle_tsm.terminal.literal_text import as_text, plain_console

    console = plain_console()
    # A pipe on Windows takes only the characters of the code page.
    block = "█" if console.encoding.startswith("utf") else "#"
    table = Table(title=as_text(video), title_justify="left", box=None, pad_edge=False)
    for header in ("class", "name", "probability", ""):
        table.add_column(header, justify="right" if header in ("class", "probability") else "left")
    for one in top:
        bar = block * round(30 * one["probability"])
        table.add_row(str(one["class"]), as_text(one["name"]), f"{100 * one['probability']:.2f} %", bar)
    console.print(table)


def write_labelled(source: str, out: str, lines: list[str]) -> None:
    """Write a copy of the video with `lines` on every frame."""
    from paddle_tsm.commands.messages import print_encoder
    from paddle_tsm.inference.labelled_video import frames_of, labelled_video
    from paddle_tsm.terminal.literal_text import status

    frames, rate = frames_of(source)
    print_encoder("predict", out)
    with labelled_video(out, rate, source) as write, status(f"writing {out}"):
        for frame in frames:
            write(frame, lines)
