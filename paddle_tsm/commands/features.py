"""`paddle-tsm features`: the pooled features of the clips of a list, as files for other programs."""

from __future__ import annotations

import argparse
import contextlib
import os

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import (
    PIXELS,
    add_frame_options,
    add_layout_option,
    add_list_argument,
    add_network_key,
    add_pixel_options,
)
from paddle_tsm.data.datasets import DATA_SETS

UNFINISHED = "unfinished"  # the folder in --out that keeps what is done until all is


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "features",
        "Write the pooled features of the clips of a list.",
        "LIST --out DIR --weights W",
        (
            "Run every clip of LIST through the network and write its features: one .npy file a clip, index.csv, which "
            "names the file, its shape and its label, and features.json, which says how they were made.",
            "A run that was broken off goes on with --resume. Any number of processes can share the work; each clip is "
            "worked on once, and its features do not depend on the others.",
        ),
        (
            "paddle-tsm features val.txt --root videos --weights tsm_r50.safetensors --out features",
            "paddle-tsm features videos --weights tsm_r50.safetensors --out frames --every-frame --from-layer layer3",
            "python -m paddle.distributed.launch --nproc_per_node 2 --backend gloo $(which paddle-tsm) features "
            "val.txt --weights tsm_r50.safetensors --out features",
        ),
    )
    add_list_argument(parser)
    parser.add_argument(
        "--weights",
        required=True,
        metavar="W",
        help="A checkpoint of any layout and format, or a folder that `paddle-tsm train` wrote.",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="The folder for the files.")
    parser.add_argument(
        "--from-layer",
        metavar="NAME",
        help="Take the mean over height and width of what this layer gives, by the name that `paddle-tsm parity` "
        "prints, such as layer3. Default: the features that the classifier reads.",
    )
    parser.add_argument(
        "--every-frame",
        action="store_true",
        help="Write a row for each of the network's frames. Default: the mean over the frames of a clip.",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="Go on with the run that was broken off and had the same options and --out. Without one, begin.",
    )
    add_network_key(parser, "W")
    add_layout_option(parser)
    add_clip_options(parser)
    add_pixel_options(parser, PIXELS)
    add_network_options(parser)
    parser.set_defaults(run=run)


def add_clip_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the clips are and how they are read."""
    group = parser.add_argument_group("the clips")
    add_frame_options(group)
    group.add_argument(
        "--data-set", metavar="NAME", choices=tuple(DATA_SETS), help="The data set of the list, which names the frames."
    )
    group.add_argument("--multi-label", action="store_true", help="A clip has several labels, such as 1,4,7.")
    group.add_argument("--workers", type=int, default=2, metavar="N", help="Threads that read clips. Default: 2.")
    group.add_argument(
        "--check",
        default="first",
        metavar="DEPTH",
        choices=("exists", "first", "all", "none"),
        help="What to check of every clip before the first one runs: exists (the file), first (the first frame), all "
        "(every frame), or none. Default: first.",
    )
    group.add_argument(
        "--skip-bad", action="store_true", help="Leave out clips that cannot be read, and name them at the end."
    )


def run(args: argparse.Namespace) -> int:
    from paddle_tsm.processes.processes import join  # imported here, so that `--help` and other commands do not load it

    for name, least in (("workers", 0), ("size", 1), ("first_frame", 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise ValueError(f"--{name.replace('_', '-')}: got {value}, wanted at least {least}")
    processes = join()
    with processes.first_prints():
        return extract(args, processes)


def extract(args: argparse.Namespace, processes) -> int:
    """Write the features as one of `processes`."""
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.messages import checkpoint_of, print_remarks
    from paddle_tsm.data.listed_clips import frame_source
    from paddle_tsm.data.presets import preset_of
    from paddle_tsm.files.made_folder import made_folder
    from paddle_tsm.files.room import check_room
    from paddle_tsm.inference.inner_layers import read_with_layers
    from paddle_tsm.inference.recorded_input import chosen_input
    from paddle_tsm.lists.bad_clips import SkippedClips
    from paddle_tsm.runtime import import_paddle

    args.weights = checkpoint_of("features", args.weights)
    options = network_options(args)
    found = read_with_layers(args.weights, layout=args.layout, network=args.network, **options)
    taken, remarks = chosen_input(args.weights, found, {name: getattr(args, name) for name in PIXELS}, options)
    print_remarks("features", remarks)
    preset = preset_of(taken)
    preset.check_network(found.network)
    import_paddle()
    from paddle_tsm.inference.features import FeatureExtractor

    extractor = FeatureExtractor.of_file(found, args.from_layer, args.every_frame)  # before the list is looked at
    source = frame_source(args.form, args.template, args.data_set or taken.data_set, args.first_frame, preset.reader)
    skipped = SkippedClips()
    entries, bad = processes.from_first(
        lambda: clips_of(args, source)
    )  # one process looks at them, and tells the others
    for clip in bad:
        skipped.add(clip)
    with made_folder(args.out) if processes.is_first else contextlib.nullcontext():
        if processes.is_first:
            check_room(os.path.join(args.out, UNFINISHED))  # better before the run than after it
        return write(args, processes, extractor, taken, preset, source, entries, skipped)


def clips_of(args: argparse.Namespace, source) -> tuple[list, list]:
    """(the clips of the list that can be read, the others)."""
    from paddle_tsm.commands.messages import print_remarks
    from paddle_tsm.data.listed_clips import read_checked_list
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.inference.feature_files import ABOUT, INDEX

    entries, bad = read_checked_list(
        args.list,
        args.form,
        source,
        root=args.root,
        num_classes=None,  # the clips may be of other classes than the network was trained on
        class_names=(),
        multi_label=args.multi_label,
        depth=args.check,
        skip_bad=args.skip_bad,
        strict=False,  # a damaged video has features, and a remark
        remark=lambda text: print_remarks("features", [text]),
    )
    for name in (INDEX, ABOUT):
        keep_inputs({"--out": os.path.join(args.out, name)}, [args.list, args.weights, *{one.path for one in entries}])
    return entries, list(bad)


def write(args: argparse.Namespace, processes, extractor, taken, preset, source, entries, skipped) -> int:
    """Run the network on the clips and write what it gives."""
    from paddle_tsm.commands.evaluated_work import digest_of_clips
    from paddle_tsm.commands.messages import print_remarks, print_video_notes
    from paddle_tsm.data.clip_reader import ClipReader
    from paddle_tsm.files.digest import sha256_of
    from paddle_tsm.inference.feature_files import write_features, write_index
    from paddle_tsm.processes.list_work import kept_work
    from paddle_tsm.terminal.literal_text import literal, plain_console
    from paddle_tsm.terminal.progress_bar import video_progress

    about = {
        "weights": {"file": os.path.basename(args.weights), "sha256": sha256_of(args.weights)},
        "network": str(extractor.network),
        "layer": args.from_layer or "features",
        "every_frame": args.every_frame,
        "preset": preset.name,
        "sampling": taken.sampling,
        "crops": taken.crops,
        "size": preset.test_size,
        "template": [args.template, args.first_frame],
        "clips": digest_of_clips(entries),
    }
    reader = ClipReader(entries, preset, extractor.network.num_segments, source=source, skip_bad=args.skip_bad)
    folder, console = os.path.join(args.out, UNFINISHED), plain_console()
    with kept_work(processes, folder, about, args.resume, lambda text: print_remarks("features", [text])):
        with video_progress() as bar:
            task = bar.add_task("features", total=None)
            rows = write_features(
                *(lambda: lambda views: extractor.of_views(preset, views), reader, args.out, processes, folder),
                workers=args.workers,
                skipped=skipped,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        if not processes.is_first:
            return 0
        if not rows:
            raise ValueError(f"{args.list}: none of the clips can be read; the first: {next(iter(skipped))}")
        write_index(args.out, rows, about)
    print_video_notes(source.notes)
    console.print(f"{len(rows)} clips, {rows[0][4]} {rows[0][5]} each: {literal(args.out)}", soft_wrap=True)
    if args.skip_bad:
        console.print(skipped.report(), soft_wrap=True)
    return 0
