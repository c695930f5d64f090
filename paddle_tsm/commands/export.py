"""`paddle-tsm export`: write a network for Paddle Inference, for ONNX, or as a page for browsers."""

from __future__ import annotations

import argparse
import os
import time

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import (
    PIXELS,
    add_classes_option,
    add_frame_options,
    add_network_key,
    add_pixel_options,
)
from paddle_tsm.export.calibration import CLIPS as CLIPS_READ
from paddle_tsm.export.targets import FORMATS, PRECISIONS, format_for


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "export",
        "Write a network for Paddle Inference, for ONNX, or as a page for browsers.",
        "CHECKPOINT DIR",
        (
            "Write a checkpoint's network as a folder that runs without paddle-tsm: the graph, its weights, and "
            "tsm.json, which says how to feed it.",
            "The written files are run and compared with the checkpoint before they are kept.",
            "--to web writes a page, too, which recognises what a camera or a video file shows. It shows a causal "
            "network frame by frame, and any other one clips of the last seconds. In DIR run `python -m http.server`, "
            "and open localhost:8000.",
        ),
        (
            "paddle-tsm export tsm_r50.safetensors exported",
            "paddle-tsm export tsm_r50.safetensors exported --to onnx --classes kinetics400.txt --crops three",
            "paddle-tsm export online.pth step --to onnx --stream",
            "paddle-tsm export online.pth page --to web --runtime package/dist",
            "paddle-tsm export tsm_r50.safetensors small --precision int8 --calibrate train.txt --root videos",
        ),
    )
    parser.add_argument(
        "weights",
        metavar="CHECKPOINT",
        help="A checkpoint of any layout and format, or a folder that `paddle-tsm train` wrote.",
    )
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="The folder to write. It is made where there is none; an earlier export in it is replaced.",
    )
    parser.add_argument(
        "--to",
        choices=FORMATS,
        help="What will run the network. Default: paddle-inference, or the one that has the precision.",
    )
    parser.add_argument(
        "--precision",
        default="float32",
        choices=PRECISIONS,
        help="bfloat16 is for Paddle Inference; int8 is for ONNX and needs --calibrate. Default: float32.",
    )
    parser.add_argument(
        "--stream",
        action="store_true",
        help="Export one step of the online network, whose cache is an input and an output.",
    )
    parser.add_argument(
        "--runtime",
        metavar="DIR",
        help="With --to web: the folder package/dist of onnxruntime-web's npm package, which is copied beside the "
        "page. Default: visitors' browsers load it from a public address, by its hashes.",
    )
    add_classes_option(parser, ", for tsm.json")
    add_network_key(parser, "CHECKPOINT")
    add_pixel_options(parser)
    group = parser.add_argument_group("the clips on which the ranges for int8 are measured")
    group.add_argument(
        "--calibrate",
        metavar="LIST",
        help=f"A file with one clip a line. {CLIPS_READ} of its clips are read; a fifth of these only to compare on.",
    )
    add_frame_options(group)
    group.add_argument(
        "--data-set", metavar="NAME", help="The data set of LIST, such as something-v2, which names the frames."
    )
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from paddle_tsm.runtime import import_paddle

    import_paddle()
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.messages import checkpoint_of, print_remarks
    from paddle_tsm.data.listed_clips import frame_source
    from paddle_tsm.export.exporter import export_checkpoint
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.inference.recorded_input import chosen_input, named_classes, read_description
    from paddle_tsm.terminal.literal_text import status

    start = time.perf_counter()
    to = args.to or format_for(args.precision)
    options = network_options(args) | {"network": args.network}
    args.weights = checkpoint_of("export", args.weights)
    keep_inputs({}, (args.classes,), {"DIR": args.folder})  # `export` checks the other files that it reads
    pixels, labels = {name: getattr(args, name) for name in PIXELS}, None
    if os.path.isfile(args.weights):
        found = read_description(args.weights, **options)
        labels = named_classes(args.classes, found.network.num_classes)
        _, remarks = chosen_input(args.weights, found, pixels | {"class_names": labels}, options)
        print_remarks("export", remarks)
    with status(f"exporting {args.weights} and running what was written" + (", calibrating" if args.calibrate else "")):
        sidecar, verified = export_checkpoint(
            args.weights,
            args.folder,
            to,
            stream=args.stream,
            precision=args.precision,
            options=options,
            calibration=args.calibrate,
            root=args.root,
            form=args.form,
            source=frame_source(args.form, args.template, args.data_set, args.first_frame),
            labels=labels,
            runtime=args.runtime,
            **pixels,
        )
    print_export(args.folder, sidecar, verified, time.perf_counter() - start)
    return 0


def print_export(folder: str, sidecar, verified: list, seconds: float) -> None:
    """Print what was exported, and how far it differs from each thing that it was compared with."""
    from paddle_tsm.export.web_page import WEB, what_is_loaded
    from paddle_tsm.terminal.literal_text import literal

    step = sidecar.kind == "stream"
    what = "one step of a stream" if step else f"clips of {sidecar.network.num_segments} frames"
    print(f"{literal(folder)}: {sidecar.network.arch} for {sidecar.format}, {what}, {seconds:.1f} s")
    for one in verified:
        also = f"; {one.also}" if one.also else ""
        print(
            f"  differs from {one.against} by {one.difference:.1e} of the largest logit (limit {one.limit:.1e}){also}"
        )
    if sidecar.format == WEB:
        for line in what_is_loaded(folder):
            print(literal(f"  {line}"))
