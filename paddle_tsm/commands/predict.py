"""`paddle-tsm predict`: what a video shows."""

from __future__ import annotations

import argparse
import json

from paddle_tsm.commands.engine import add_engine_options
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.data.presets import CLIPS, CROPS, SYSTEMS, offered_crops


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "predict",
        help="what a video shows",
        description="The most probable classes of a video. With --out the video is written with them on every frame.",
        epilog="examples:\n  paddle-tsm predict clip.mp4 --weights tsm_r50.safetensors --classes kinetics400.txt\n"
        "  paddle-tsm predict clip.mp4 --weights tsm_r50.safetensors --crops three --sampling dense --out labelled.mp4",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("video", metavar="VIDEO")
    parser.add_argument(
        "--weights", required=True, metavar="W", help="a checkpoint of any layout, or a folder that `export` wrote"
    )
    parser.add_argument("--classes", metavar="FILE", help="names of the classes, one a line (what the file records)")
    parser.add_argument("--top", type=int, default=5, metavar="K", help="how many classes (%(default)s)")
    parser.add_argument(
        "--preset", choices=tuple(SYSTEMS), help="whose pixels (what the file records, else its layout's)"
    )
    parser.add_argument("--sampling", choices=tuple(CLIPS), help="(what the file records, else uniform)")
    parser.add_argument(
        "--crops", choices=tuple(CROPS), metavar="C", help=f"{offered_crops()} (what the file records, else centre)"
    )
    parser.add_argument(
        "--size", type=int, metavar="PIXELS", help="the network's input (what the file records, else 224)"
    )
    parser.add_argument("--out", metavar="VIDEO", help="write the video with its label, .mp4 or .avi")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="decode the whole video first, and refuse one that is not what its container says",
    )
    parser.add_argument("--network", metavar="KEY", help="which of several networks in W, as EMA beside the other")
    add_engine_options(parser)
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from paddle_tsm.commands.engine import predictor_of
    from paddle_tsm.commands.odd_videos import look_at, print_note
    from paddle_tsm.commands.recorded_input import chosen_input, described, given_names
    from paddle_tsm.data.clip import views_of
    from paddle_tsm.data.presets import preset_of
    from paddle_tsm.data.scores import average_views
    from paddle_tsm.data.video_file import read_frames
    from paddle_tsm.files.inputs_kept import keep_inputs
    from paddle_tsm.terminal.literal_text import as_text, status

    if args.top < 1:
        raise ValueError(f"--top: got {args.top}, wanted at least 1")
    keep_inputs({"--out": args.out}, (args.video, args.weights, args.classes))
    with status("loading the network") as shown:
        options = network_options(args) | {"network": args.network}
        found = described(args.weights, **options)
        given = {name: getattr(args, name) for name in ("preset", "size", "sampling", "crops")}
        given["class_names"] = given_names(args.classes, found.network.num_classes)
        taken = chosen_input("predict", args.weights, found, given, options)
        pixels = preset_of(taken)
        notes = look_at(args.video, args.strict)
        predictor = predictor_of(args.weights, args, options, pixels.test_size)
        network = predictor.network
        names = taken.names_of(network.num_classes)
        shown.update(as_text("reading the video"))
        frames = read_frames(args.video, lambda count: pixels.test_sampling(count, network.num_segments), notes=notes)
        views = views_of(pixels, frames)
        shown.update(as_text("running the network"))
        logits = predictor(views)
    print_note(notes)
    if pixels.average == "probabilities":
        scores = average_views(logits, "probabilities")
    else:
        scores = average_views(average_views(logits, "logits")[None], "probabilities")
    best = scores.argsort(kind="stable")[::-1][: args.top]
    found = [{"class": int(i), "name": names[i], "probability": float(scores[i])} for i in best]
    if args.out:
        write_labelled(args.video, args.out, [f"{row['name']}  {100 * row['probability']:.1f} %" for row in found[:3]])
    how = f"{pixels.name}, {taken.sampling}, {pixels.crops_in_words}, mean of {pixels.average}"
    if args.json:
        print(json.dumps({"video": args.video, "views": pixels.views, "pixels": how, "top": found}, indent=2))
    else:
        print(f"{how}\n")
        print_table(args.video, found)
    return 0


def print_table(video: str, found: list[dict]) -> None:
    from rich.table import Table

    from paddle_tsm.terminal.literal_text import as_text, plain_console

    console = plain_console()
    block = (
        "█" if console.encoding.startswith("utf") else "#"
    )  # a pipe on Windows takes the code page's characters only
    table = Table(title=as_text(video), title_justify="left", box=None, pad_edge=False)
    for header, justify in (("class", "right"), ("name", "left"), ("probability", "right"), ("", "left")):
        table.add_column(header, justify=justify)
    for row in found:
        bar = block * round(30 * row["probability"])
        table.add_row(str(row["class"]), as_text(row["name"]), f"{100 * row['probability']:.2f} %", bar)
    console.print(table)


def write_labelled(source: str, out: str, lines: list[str]) -> None:
    """The video with `lines` on every frame."""
    from paddle_tsm.inference.labelled_video import frames_of, video_writer
    from paddle_tsm.terminal.literal_text import status

    frames, rate = frames_of(source)
    with video_writer(out, rate) as write, status(f"writing {out}"):
        for frame in frames:
            write(frame, lines)
