"""`paddle-tsm export`: a network for Paddle Inference or ONNX."""

from __future__ import annotations

import argparse
import os
import time

from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.data.presets import CLIPS, CROPS, SYSTEMS, offered_crops
from paddle_tsm.export.calibration import CLIPS as CLIPS_READ
from paddle_tsm.export.targets import FORMATS, PRECISIONS, format_for


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "export",
        help="a network for Paddle Inference or ONNX",
        description="Write a checkpoint's network as a folder that runs without paddle-tsm: the graph, its weights, and\n"
        "tsm.json, which says how to feed it. What was written is run and compared with the checkpoint before it is kept.",
        epilog="examples:\n  paddle-tsm export tsm_r50.safetensors exported\n"
        "  paddle-tsm export tsm_r50.safetensors exported --to onnx --classes kinetics400.txt --crops three\n"
        "  paddle-tsm export online.pth step --to onnx --stream\n"
        "  paddle-tsm export tsm_r50.safetensors small --precision int8 --calibrate train.txt --root videos",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", metavar="CHECKPOINT")
    parser.add_argument("folder", metavar="DIR", help="made where there is none; an earlier export in it is replaced")
    parser.add_argument("--to", choices=FORMATS, help="(paddle-inference, or what has the precision)")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS,
                        help="bfloat16: for Paddle Inference; int8: for ONNX, with --calibrate (%(default)s)")  # fmt: skip
    parser.add_argument("--stream", action="store_true", help="one step of the online network, its cache in and out")
    parser.add_argument(
        "--classes", metavar="FILE", help="names of the classes, one a line, for tsm.json (what the file records)"
    )
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
    parser.add_argument(
        "--network", metavar="KEY", help="which of several networks in CHECKPOINT, as EMA beside the other"
    )
    group = parser.add_argument_group("the clips that int8's ranges are measured on")
    group.add_argument(
        "--calibrate", metavar="LIST", help=f"{CLIPS_READ} of its clips are read, a fifth of them only to compare on"
    )
    group.add_argument("--root", default="", metavar="DIR", help="the folder that LIST's paths are relative to (.)")
    group.add_argument(
        "--form", default="video", help="of the list's lines: video, frames or offset, as for evaluate (%(default)s)"
    )
    group.add_argument("--template", metavar="T", help="names of the frames, as img_{:05d}.jpg")
    group.add_argument("--data-set", metavar="NAME", help="as something-v2: whose names of frames are known")
    group.add_argument(
        "--first-frame", type=int, default=1, metavar="N", help="number of a folder's first frame (%(default)s)"
    )
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from paddle_tsm.runtime import import_paddle

    import_paddle()
    from paddle_tsm.commands.evaluation_input import source_of
    from paddle_tsm.commands.recorded_input import chosen_input, described, given_names
    from paddle_tsm.export.exporter import export
    from paddle_tsm.files.inputs_kept import keep_inputs
    from paddle_tsm.terminal.literal_text import literal, status

    start = time.perf_counter()
    to = args.to or format_for(args.precision)
    options = network_options(args) | {"network": args.network}
    keep_inputs({}, (args.classes,), {"DIR": args.folder})  # export itself looks at what else it reads
    given = {name: getattr(args, name) for name in ("preset", "size", "sampling", "crops")}
    if os.path.isfile(args.weights):
        found = described(args.weights, **options)
        given["class_names"] = given_names(args.classes, found.network.num_classes)
        chosen_input("export", args.weights, found, given, options)
    what = f"exporting {args.weights}, running what was written{', calibrating' * bool(args.calibrate)}"
    with status(what):
        sidecar, verified = export(
            args.weights,
            args.folder,
            to,
            stream=args.stream,
            precision=args.precision,
            options=options,
            calibration=args.calibrate,
            root=args.root,
            form=args.form,
            source=source_of(args),
            labels=given.pop("class_names", None),
            **given,
        )
    what = "one step of a stream" if args.stream else f"clips of {sidecar.network.num_segments} frames"
    print(f"{literal(args.folder)}: {sidecar.network.arch} for {to}, {what}, {time.perf_counter() - start:.1f} s")
    for found in verified:
        print(f"  differs from {found.against} by {found.difference:.1e} of the largest logit (limit {found.limit:.1e})"
              f"{'; ' * bool(found.also)}{found.also}")  # fmt: skip
    return 0
