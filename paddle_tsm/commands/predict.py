"""`paddle-tsm predict`: the most probable classes of a video."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.labelled_copy import write_labelled
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.predict_windows import add_window_options, predict_windows, wants_windows
from paddle_tsm.commands.shared_options import (
    PIXELS,
    WEIGHTS,
    add_classes_option,
    add_engine_options,
    add_network_key,
    add_pixel_options,
    add_source_options,
    patience_of,
)


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "predict",
        "Print the most probable classes of videos.",
        "VIDEO... --weights W",
        (
            "Print the most probable classes of each video. With --out, also write a copy of a video that has them on "
            "every frame.",
            "A source that cannot be read is told in one line, the others are predicted all the same, and the exit "
            "code is 2.",
        ),
        (
            "paddle-tsm predict clip.mp4 --weights tsm_r50.safetensors --classes kinetics400.txt",
            "paddle-tsm predict clips 'more/**/*.mp4' --weights tsm_r50.safetensors --json",
            "paddle-tsm predict clip.mp4 --weights tsm_r50.safetensors --crops three --sampling dense --out "
            "labelled.mp4",
            "paddle-tsm predict long.mp4 --weights tsm_r50.safetensors --window 4 --step 1 --timeline timelines",
        ),
    )
    add_source_options(parser)
    parser.add_argument(
        "--weights",
        required=True,
        metavar="W",
        help=f"{WEIGHTS}.",
    )
    add_classes_option(parser)
    parser.add_argument("--top", type=int, default=5, metavar="K", help="How many classes to print. Default: 5.")
    parser.add_argument(
        "--out", metavar="VIDEO", help="Write a copy of the one video with the classes on it: .mp4 or .avi."
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="Print a line of JSON for each video, or for each span of a timeline, and nothing else.",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="Decode the whole video first, and refuse one that does not hold what its container says.",
    )
    add_window_options(parser)
    add_network_key(parser, "W")
    add_pixel_options(parser)
    add_engine_options(parser)
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.messages import checkpoint_of, print_remarks
    from paddle_tsm.data.presets import preset_of
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.inference.engine_choice import EngineChoice
    from paddle_tsm.inference.recorded_input import chosen_input, named_classes, read_description
    from paddle_tsm.inference.video_classes import need_rgb
    from paddle_tsm.sources.video_sources import find_sources
    from paddle_tsm.terminal.literal_text import status
    from paddle_tsm.videos.video_writer import check_place

    if args.top < 1:
        raise ValueError(f"--top: got {args.top}, wanted at least 1")
    windows = wants_windows(args)
    args.weights = checkpoint_of("predict", args.weights)
    sources = find_sources(args.video, args.list, args.root)
    keep_inputs({"--out": args.out}, (*(one.path for one in sources), args.list, args.weights, args.classes))
    if args.out:
        check_one_file(sources, "--out")
        check_place(args.out)
    with status("loading the network"):
        options = network_options(args) | {"network": args.network}
        found = read_description(args.weights, **options)
        given = {name: getattr(args, name) for name in PIXELS}
        given["class_names"] = named_classes(args.classes, found.network.num_classes)
        taken, remarks = chosen_input(args.weights, found, given, options)
        taken = replace(taken, sampling="uniform") if windows else taken  # a window is one clip
        print_remarks("predict", remarks)
        preset = preset_of(taken)
        preset.check_network(found.network)
        engine = EngineChoice(args.engine, args.precision, args.threads)
        predictor = engine.predictor(args.weights, options, preset.test_size)
    need_rgb(preset)
    return (predict_windows if windows else predict_each)(args, predictor, taken, preset, sources)


def check_one_file(sources: list, option: str) -> None:
    """Raise ValueError unless there is one source, and it is a file."""
    if len(sources) > 1 or sources[0].path is None:
        got = f"{len(sources)} videos" if len(sources) > 1 else sources[0].shown
        raise ValueError(f"{option}: got {got}, wanted one video file")


def predict_each(args: argparse.Namespace, predictor, taken, preset, sources: list) -> int:
    """Print the classes of each source. Returns the exit code."""
    from paddle_tsm.commands.messages import print_note, print_problem
    from paddle_tsm.inference.predicted_videos import predicted_videos
    from paddle_tsm.inference.probabilities import top_classes
    from paddle_tsm.terminal.progress_bar import video_progress

    network, code = predictor.network, 0
    names = taken.names_of(network.num_classes)
    how = f"{preset.name}, {taken.sampling}, {preset.crops_in_words}, mean of {preset.average}"
    if not args.json:
        print(f"{how}\n")
    with video_progress() as bar:
        task = bar.add_task("predicting", total=len(sources))
        for one in predicted_videos(predictor, preset, network.num_segments, sources, args.strict, patience_of(args)):
            bar.update(task, advance=1)
            for text in one.remarks:
                print_note(f"{one.source.shown}: {text}")
            if one.probabilities is None:
                print_problem("predict", one.problem)
                code = 2
                continue
            top = top_classes(one.probabilities, names, args.top)
            if args.json:
                found = {"video": one.source.shown, "views": preset.views, "pixels": how, "top": top}
                print(json.dumps(found), flush=True)
            else:
                print_top(one.source.shown, top)
            if args.out:
                write_labelled(one.source.name, args.out, always(top[:3]))
    return code


def always(top: list[dict]):
    """What gives the lines on a frame at any time: the classes with their probabilities."""
    lines = [f"{one['name']}  {100 * one['probability']:.1f} %" for one in top]
    return lambda seconds: lines


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
