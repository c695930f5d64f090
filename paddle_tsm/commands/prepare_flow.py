"""`paddle-tsm prepare flow`: the optical flow of every clip of a list."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.shared_options import add_frame_options, add_list_argument

METHODS = ("tvl1", "dis")  # of `data.optical_flow`, which loads OpenCV
SETTINGS = "flow.json"  # how the folder's flow was computed


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "flow",
        "Compute the optical flow of a list of clips.",
        "LIST --out DIR",
        (
            "Compute the optical flow between the successive frames of every clip of LIST, for networks of flow. DIR "
            "then has a folder for each clip, with flow_x_00001.jpg, flow_y_00001.jpg and so on, and a list of LIST's "
            "name with the same clips in the same order, of the form frames.",
            "A folder appears when it is complete. A command that was stopped goes on where it was.",
        ),
        (
            "paddle-tsm prepare flow train.txt --root videos --out flow",
            "paddle-tsm prepare flow val.txt --root videos --out flow --method dis --short 256",
            "paddle-tsm prepare flow val.txt --form frames --root frames --template img_{:05d}.jpg --out flow",
        ),
        of="prepare",
    )
    add_list_argument(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="The folder for the flow and its list.")
    parser.add_argument(
        "--method",
        choices=METHODS,
        help="How flow is computed. tvl1: as for the published networks; it needs opencv-contrib-python. dis: quicker, "
        "and in every OpenCV. Default: tvl1 where OpenCV has it, else dis.",
    )
    parser.add_argument(
        "--bound",
        type=float,
        default=20.0,
        metavar="PIXELS",
        help="The motion, in either direction, that becomes 0 and 255. Default: 20.",
    )
    parser.add_argument(
        "--short", type=int, metavar="PIXELS", help="Scale each frame's short edge to this first. Default: not at all."
    )
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="Clips at a time. Default: 2.")
    parser.add_argument(
        "--skip-bad", action="store_true", help="Leave out clips that cannot be read, and name them at the end."
    )
    add_frame_options(parser.add_argument_group("the clips"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.data.flow_folders import folder_names, write_flow_folders
    from paddle_tsm.data.listed_clips import frame_source
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.files.made_folder import made_folder
    from paddle_tsm.lists.bad_clips import SkippedClips
    from paddle_tsm.lists.split_files import write_list
    from paddle_tsm.terminal.literal_text import literal
    from paddle_tsm.terminal.progress_bar import video_progress

    check_options(args)
    settings = chosen_settings(args)
    entries, root = listed_clips(args)
    source = frame_source(args.form, args.template, None, args.first_frame)
    names = folder_names(entries, root)
    new_list = os.path.join(args.out, os.path.splitext(os.path.basename(os.path.normpath(args.list)))[0] + ".txt")
    keep_inputs({"--out": new_list}, (args.list,))
    skipped = SkippedClips()
    with made_folder(args.out), video_progress() as bar:
        keep_settings(args.out, settings)
        before = sum(os.path.isdir(os.path.join(args.out, name)) for name in set(names))
        task = bar.add_task(settings.method, total=len(set(names)))
        counts = write_flow_folders(
            entries,
            names,
            source,
            args.out,
            settings,
            workers=args.workers,
            skipped=skipped if args.skip_bad else None,
            done=lambda count: bar.update(task, completed=count),
        )
        if not counts:
            raise ValueError(f"{args.list}: no clip of the list can be read; the first: {next(iter(skipped))}")
        lines = [(name.replace(os.sep, "/"), entry) for name, entry in zip(names, entries) if name in counts]
        write_list(new_list, [f"{path} {counts[os.path.normpath(path)]} {entry.label}" for path, entry in lines])
    print(
        f"{literal(new_list)}: {len(lines)} clips by {settings.method}, {len(counts) - before} of them made now; for "
        f"--form frames --root {literal(args.out)}"
    )
    if args.skip_bad:
        print(skipped.report())
    return 0


def check_options(args: argparse.Namespace) -> None:
    """Raise ValueError for an option that is out of range."""
    if args.form == "offset":
        raise ValueError("--form: got offset, whose clips share a folder; wanted video, or frames")
    for name, least in (("workers", 1), ("short", 16), ("first_frame", 0)):
        if getattr(args, name) is not None and getattr(args, name) < least:
            raise ValueError(f"--{name.replace('_', '-')}: got {getattr(args, name)}, wanted at least {least}")
    if not 0 < args.bound < float("inf"):
        raise ValueError(f"--bound: got {args.bound:g}, wanted a number of pixels above 0")


def chosen_settings(args: argparse.Namespace):
    """The FlowSettings. A line says it where the usual method is not there."""
    from paddle_tsm.commands.messages import print_remarks
    from paddle_tsm.data.flow_folders import FlowSettings
    from paddle_tsm.data.optical_flow import new_flow, usual_method

    method = args.method or usual_method()
    new_flow(method)  # raises where OpenCV does not have it
    if args.method is None and method == "dis":
        print_remarks("prepare", ["takes DIS flow: this OpenCV has no TV-L1, which opencv-contrib-python has"])
    return FlowSettings(method, args.bound, args.short)


def listed_clips(args: argparse.Namespace) -> tuple[list, str]:
    """(the clips of LIST, the folder that their paths start from)."""
    from paddle_tsm.lists.annotations import read_list
    from paddle_tsm.lists.class_folders import read_class_folders

    if not os.path.isdir(args.list):
        return read_list(args.list, args.form, root=args.root), args.root
    if args.form != "video":
        raise ValueError(
            f"{args.list}: is a folder of classes, which holds videos; wanted a list for --form {args.form}"
        )
    return read_class_folders(args.list, ()).entries, args.list


def keep_settings(out: str, settings) -> None:
    """Write how the folder's flow is computed. Raises ValueError where its flow was computed otherwise."""
    from paddle_tsm.files.atomic import atomic_file

    path, content = os.path.join(out, SETTINGS), dataclasses.asdict(settings)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            try:
                found = json.load(file)
            except ValueError:
                raise ValueError(
                    f"{path}: is no JSON; wanted what `paddle-tsm prepare` wrote, or another --out"
                ) from None
        if found != content:
            raise ValueError(
                f"{out}: has flow of other settings, {found}, got {content}; wanted the same, or another --out"
            )
        return
    with atomic_file(path) as file:
        file.write(json.dumps(content).encode())
