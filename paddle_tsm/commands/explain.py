"""`paddle-tsm explain`: where a network looks in a video, and how much of its decision is motion."""

from __future__ import annotations

import argparse
import json

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import add_classes_option, add_network_key, add_pixel_options

CHOICES = ("preset", "size")  # of the options on pixels: a heat map is of one clip and of the centre crop


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "explain",
        "Show where a network looks, and how much of its decision is motion.",
        "VIDEO --weights W",
        (
            "Write the frames that the network saw of a video with a heat map of its decision over them (Grad-CAM), as "
            "a video and as a contact sheet.",
            "Print how probable the class is for the same frames played backward, shuffled, and with one frame "
            "repeated.",
        ),
        (
            "paddle-tsm explain clip.mp4 --weights tsm_r50.safetensors",
            "paddle-tsm explain clip.mp4 --weights tsm_r50.safetensors --class 17 --layer layer3 --out why",
        ),
    )
    parser.add_argument("video", metavar="VIDEO", help="A video file.")
    parser.add_argument(
        "--weights",
        required=True,
        metavar="W",
        help="A checkpoint of any layout and format, or a folder that `paddle-tsm train` wrote.",
    )
    parser.add_argument(
        "--class",
        dest="wanted",
        metavar="C",
        help="The class to explain, by its name or number. Default: the most probable one.",
    )
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="Of which layer's output the heat map is, by the name that `paddle-tsm parity` prints, such as layer3. "
        "Default: the last stage.",
    )
    parser.add_argument(
        "--out",
        default="explained",
        metavar="DIR",
        help="The folder for the video and the contact sheet. Default: explained.",
    )
    parser.add_argument(
        "--shuffles", type=int, default=10, metavar="N", help="In how many orders the frames are shuffled. Default: 10."
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="The seed of these orders. Default: 0.")
    parser.add_argument("--json", action="store_true", help="Print JSON instead of a table.")
    add_classes_option(parser)
    add_network_key(parser, "W")
    add_pixel_options(parser, CHOICES)
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.messages import checkpoint_of, print_encoder, print_remarks, print_video_notes
    from paddle_tsm.data.presets import preset_of
    from paddle_tsm.files.made_folder import made_folder
    from paddle_tsm.inference.inner_layers import ONE_VIEW, model_of, read_with_layers
    from paddle_tsm.inference.recorded_input import chosen_input, named_classes
    from paddle_tsm.runtime import import_paddle
    from paddle_tsm.terminal.literal_text import as_text, status
    from paddle_tsm.videos.video_check import check_video

    check_options(args)
    args.weights = checkpoint_of("explain", args.weights)
    options = network_options(args)
    found = read_with_layers(args.weights, **options, network=args.network)
    given = {name: getattr(args, name) for name in CHOICES}
    given["class_names"] = named_classes(args.classes, found.network.num_classes)
    taken, remarks = chosen_input(args.weights, found, given, options)
    print_remarks("explain", remarks)
    taken = taken.changed(ONE_VIEW)
    preset = preset_of(taken)
    with made_folder(args.out):
        video, sheet = places(args)
        with status("loading the network") as spinner:
            import_paddle()
            from paddle_tsm.inference.explanation import explain
            from paddle_tsm.inference.explanation_files import as_dict, write_sheet, write_video

            notes = check_video(args.video, strict=False)  # a damaged video is explained, and the note says so
            model = model_of(found)
            explanation = explain(
                *(model, taken, args.video, args.wanted, args.layer, args.shuffles, args.seed, notes),
                progress=lambda part: spinner.update(as_text(f"running the network: {part}")),
            )
            spinner.update(as_text(f"writing {args.out}"))
            how = f"{preset.name}, {taken.sampling}, {preset.crops_in_words}"
            print_encoder("explain", video)
            write_video(video, explanation)
            write_sheet(sheet, explanation, title_of(args.video, explanation, how))
    print_video_notes(notes)
    print_remarks("explain", one_cell(explanation, taken.size))
    if args.json:
        print(
            json.dumps({"video": args.video, "pixels": how, "files": [video, sheet]} | as_dict(explanation), indent=2)
        )
    else:
        print_explanation(args.video, explanation, how, (video, sheet))
    return 0


def check_options(args: argparse.Namespace) -> None:
    """Raise ValueError for an option that is out of range."""
    for name, least in (("shuffles", 1), ("seed", 0), ("size", 1)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise ValueError(f"--{name}: got {value}, wanted at least {least}")


def places(args: argparse.Namespace) -> tuple[str, str]:
    """(the video, the contact sheet). Raises ValueError where one of them is a file that is read."""
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.inference.explanation_places import file_names
    from paddle_tsm.videos.video_writer import check_place

    video, sheet = file_names(args.out, args.video)
    check_place(video)
    for path in (video, sheet):
        keep_inputs({"--out": path}, (args.video, args.weights, args.classes))
    return video, sheet


def title_of(video: str, found, how: str) -> list[str]:
    """The first lines of the contact sheet."""
    import os

    share = 100 * float(found.orders[0].probabilities[found.label])
    cells = "x".join(map(str, found.maps.shape[1:]))
    return [
        f"{os.path.basename(video)}: {found.name}, {share:.1f} %",
        f"Grad-CAM of {found.layer}, {cells} cells; {how}",
    ]


def one_cell(found, size: int | None) -> list[str]:
    """A remark where the heat map has one cell, and so tells frames apart but no places."""
    if found.maps.shape[1:] != (1, 1):
        return []
    return [
        f"--layer: {found.layer} has one cell for frames of {size} pixels, so that its heat map says which frames "
        "count but not where; an earlier stage, or a larger --size, has more"
    ]


def print_explanation(video: str, found, how: str, files: tuple[str, str]) -> None:
    """Print how probable the class is for the frames in each order, and which files were written."""
    from rich.table import Table

    from paddle_tsm.terminal.literal_text import as_text, literal, plain_console

    console = plain_console()
    table = Table(title=as_text(f"{video}: {found.name}"), title_justify="left", box=None, pad_edge=False)
    table.add_column("the frames")
    table.add_column("orders", justify="right")
    table.add_column("probability", justify="right")
    table.add_column("most probable")
    table.add_column("unchanged", justify="right")
    for one in found.orders:
        table.add_row(
            one.order,
            str(one.plays),
            f"{100 * float(one.probabilities[found.label]):.2f} %",
            as_text(f"{found.names[one.top]}, {100 * float(one.probabilities[one.top]):.2f} %"),
            f"{round(one.same * one.plays)} of {one.plays}",
        )
    console.print(table)
    if found.motion is not None:
        console.print(
            f"Of the probability of {literal(found.name)}, {100 * found.motion:.0f} % is gone where the frames are "
            "shuffled.",
            soft_wrap=True,
        )
    console.print(f"{how}; heat map of {found.layer}", soft_wrap=True)
    console.print("\n".join(map(literal, files)), soft_wrap=True)
