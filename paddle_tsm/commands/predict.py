"""`paddle-tsm predict`: the most probable classes of a video."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.predict_windows import add_window_options, predict_windows, wants_windows
from paddle_tsm.commands.predicted_results import RESULTS, UNFINISHED, Results, about_prediction, results_folder
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
            "Print the most probable classes of each video. With the name of a video in --out, also write a copy of it "
            "that has them on every frame; with a folder, write them into a file there in place of tables.",
            "A source that cannot be read is told in one line, the others are predicted all the same, and the exit "
            "code is 2. Several processes can share the work. A run with a folder that was broken off goes on with "
            "--resume, and scores no video again that is done.",
        ),
        (
            "paddle-tsm predict clip.mp4 --weights tsm_r50.safetensors --classes kinetics400.txt",
            "paddle-tsm predict clips 'more/**/*.mp4' --weights tsm_r50.safetensors --json",
            "paddle-tsm predict clip.mp4 --weights tsm_r50.safetensors --crops three --sampling dense --out "
            "labelled.mp4",
            "paddle-tsm predict long.mp4 --weights tsm_r50.safetensors --window 4 --step 1 --timeline timelines",
            "python -m paddle.distributed.launch --nproc_per_node 2 --backend gloo $(which paddle-tsm) predict "
            "--list videos.txt --weights tsm_r50.safetensors --out results",
            "paddle-tsm predict --list videos.txt --weights tsm_r50.safetensors --out results --resume",
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
        "--out",
        metavar="OUT",
        help="A name that ends in .mp4 or .avi: write a copy of the one video with the classes on it. Else a folder: "
        f"write {RESULTS}, the lines of --json, into it, and print no tables.",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="Go on with the run that was broken off and had the same options and folder in --out. Without one, begin.",
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
    from paddle_tsm.processes.processes import join  # imported here, so that `--help` and other commands do not load it

    if args.top < 1:
        raise ValueError(f"--top: got {args.top}, wanted at least 1")
    windows, folder, _ = wants_windows(args), results_folder(args), patience_of(args)
    if windows and folder:
        raise ValueError(f"--out: got {args.out} with windows, wanted a video, or --timeline for a folder of files")
    processes = join()
    if windows and processes.count > 1:
        raise ValueError(f"windows: got {processes.count} processes, wanted one, in which a video is read as it comes")
    with processes.first_prints():
        return predict(args, processes, windows, folder)


def predict(args: argparse.Namespace, processes, windows: bool, folder: str | None) -> int:
    """Predict as one of `processes`. windows: whether timelines are asked for. folder: that of --out."""
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.messages import checkpoint_of, print_remarks
    from paddle_tsm.data.presets import preset_of
    from paddle_tsm.evaluation.time_spent import TimeSpent
    from paddle_tsm.inference.engine_choice import EngineChoice
    from paddle_tsm.inference.recorded_input import chosen_input, named_classes, read_description
    from paddle_tsm.inference.video_classes import need_rgb
    from paddle_tsm.sources.video_sources import find_sources
    from paddle_tsm.terminal.literal_text import status

    args.weights = checkpoint_of("predict", args.weights)
    sources = processes.from_first(lambda: find_sources(args.video, args.list, args.root))
    check_out(args, sources, folder)
    spent = TimeSpent()
    with status("loading the network"), spent.on("loading"):
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
    if windows:
        return predict_windows(args, predictor, taken, preset, sources)
    with made_for(folder, processes):
        return predict_each(args, predictor, taken, preset, sources, processes, folder, spent)


def check_out(args: argparse.Namespace, sources: list, folder: str | None) -> None:
    """Raise ValueError where --out cannot be, or would replace what is read. folder: that of --out."""
    from paddle_tsm.files.kept_inputs import keep_inputs
    from paddle_tsm.videos.video_writer import check_place

    place = os.path.join(folder, RESULTS) if folder else args.out
    keep_inputs({"--out": place}, (*(one.path for one in sources), args.list, args.weights, args.classes))
    if args.out and not folder:
        check_one_file(sources, "--out")
        check_place(args.out)


@contextlib.contextmanager
def made_for(folder: str | None, processes) -> Iterator[None]:
    """Have the folder of --out during the block, where there is one. Raises OSError where it cannot be written to."""
    from paddle_tsm.files.made_folder import made_folder
    from paddle_tsm.files.room import check_room

    with made_folder(folder) if folder and processes.is_first else contextlib.nullcontext():
        if folder and processes.is_first:
            check_room(os.path.join(folder, RESULTS))  # better before the run than after it
        yield


def check_one_file(sources: list, option: str) -> None:
    """Raise ValueError unless there is one source, and it is a file."""
    if len(sources) > 1 or sources[0].path is None:
        got = f"{len(sources)} videos" if len(sources) > 1 else sources[0].shown
        raise ValueError(f"{option}: got {got}, wanted one video file")


def predict_each(
    args: argparse.Namespace, predictor, taken, preset, sources: list, processes, folder: str | None, spent
) -> int:
    """Print the classes of each source, or write them into the folder. Returns the exit code.

    One process prints each as soon as it is there. Where the work is shared or kept, all are told at the end, so that
    the results are those of one process, in the same order.
    """
    from paddle_tsm.commands.messages import print_remarks
    from paddle_tsm.evaluation.time_spent import shares_in_words
    from paddle_tsm.inference.predicted_list import VideoClasses, predict_list
    from paddle_tsm.processes.list_work import kept_work
    from paddle_tsm.terminal.progress_bar import video_progress

    names = taken.names_of(predictor.network.num_classes)
    classes = VideoClasses(predictor, preset, names, args.top, args.strict, patience_of(args))
    how = f"{preset.name}, {taken.sampling}, {preset.crops_in_words}, mean of {preset.average}"
    results = Results(args, preset, how, folder)
    kept, about = folder and os.path.join(folder, UNFINISHED), {}
    if folder and processes.is_first:
        about = about_prediction(args, predictor, taken, preset, names, sources)
    at_once = processes.count == 1 and not folder
    with kept_work(processes, kept, about, args.resume, lambda text: print_remarks("predict", [text])):
        with video_progress() as bar:
            share = f", the first of {processes.count} processes" if processes.count > 1 else ""
            task = bar.add_task(f"predicting{share}", total=None)

            def found(one, total: int) -> None:
                bar.update(task, advance=1, total=total, state=shares_in_words(spent.seconds()))
                if at_once:
                    results.tell(one)

            every = predict_list(classes, sources, processes, kept, found=found, spent=spent)
        seconds = processes.total(*spent.seconds())
        if not processes.is_first:
            return 0
        for one in () if at_once else every:
            results.tell(one)
        results.write(every)
    results.sum_up(every, seconds[0] / processes.count, shares_in_words(seconds))
    return 2 if results.failed else 0
