"""`paddle-tsm evaluate`: top-1, top-5, mean class accuracy, confusion matrix and every clip's scores."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import time

from paddle_tsm.commands.evaluate_options import (
    add_clip_options,
    add_flow_options,
    add_output_options,
    add_run_options,
    add_weights_options,
)
from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import (
    PIXELS,
    add_engine_options,
    add_layout_option,
    add_list_argument,
    add_network_key,
    add_pixel_options,
)

UNFINISHED = "unfinished"  # the folder in --out that keeps what is done until all is


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "evaluate",
        "Measure the accuracy of a network, or of several together.",
        "LIST --weights W [W ...]",
        (
            "Run every clip of LIST through the network and print top-1, top-5 and mean class accuracy or, with "
            "--multi-label, the mean average precision.",
            "The results do not depend on --workers and on the number of processes. A run that was broken off goes on "
            "with --resume, and scores no clip again that is done.",
        ),
        (
            "paddle-tsm evaluate val.txt --weights tsm_r50_mmaction2.pth --root videos --out report",
            "paddle-tsm evaluate val.txt --weights tsm_r50_mit.pth.tar --sampling dense --crops three",
            "paddle-tsm evaluate val.txt --weights tsm_r50_mit.pth.tar --sampling twice --crops three-train-size",
            "paddle-tsm evaluate val.txt --weights tsm_8.safetensors tsm_16.safetensors --ensemble",
            "paddle-tsm evaluate val.txt --weights tsm.pth --form frames --root frames --data-set something-v2",
            "paddle-tsm evaluate val.txt --root videos --weights rgb.safetensors flow.safetensors --rgb-and-flow "
            "flow/val.txt --flow-root flow --ensemble-weights 1,1.5",
            "python -m paddle.distributed.launch --nproc_per_node 2 --backend gloo $(which paddle-tsm) evaluate "
            "val.txt --weights tsm.pth --out report",
            "paddle-tsm evaluate val.txt --weights tsm.pth --out report --resume",
        ),
    )
    add_list_argument(parser)
    add_weights_options(parser)
    add_network_key(parser, "a file")
    add_layout_option(parser)
    add_clip_options(parser)
    add_flow_options(parser)
    add_pixel_options(parser, checked=False)
    add_run_options(parser)
    add_output_options(parser)
    add_engine_options(parser)
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from paddle_tsm.processes.processes import join  # imported here, so that `--help` and other commands do not load it

    weights = checked_options(args)
    processes = join()
    with processes.first_prints():
        return evaluate(args, weights, processes)


def evaluate(args: argparse.Namespace, weights: list[float] | None, processes) -> int:
    """Evaluate as one of `processes`. weights: of each checkpoint in the ensemble, or None for no ensemble."""
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.evaluated_clips import chosen_modalities, sources_of
    from paddle_tsm.commands.messages import checkpoint_of, print_remarks
    from paddle_tsm.evaluation.result_files import FILE_NAMES
    from paddle_tsm.files.made_folder import made_folder
    from paddle_tsm.files.room import check_room
    from paddle_tsm.inference.evaluated_networks import read_networks, remarks
    from paddle_tsm.inference.recorded_input import named_classes

    options = network_options(args)
    args.weights = [checkpoint_of("evaluate", path) for path in args.weights]
    networks = read_networks(args.weights, args.layout, args.network, options, args.data_set)
    classes = networks[0].found.network.num_classes
    given = {name: getattr(args, name) for name in PIXELS} | {"class_names": named_classes(args.classes, classes)}
    print_remarks("evaluate", remarks(networks, given, options))
    modalities = chosen_modalities(args, networks, given)
    sources = sources_of(args, modalities)
    multi_label = args.multi_label or any(one.taken.multi_label for one in modalities)
    check_places(args)
    with made_folder(args.out) if args.out and processes.is_first else contextlib.nullcontext():
        for path in filter(None, (args.out and os.path.join(args.out, FILE_NAMES[0]), args.json)):
            if processes.is_first:
                check_room(path)  # better before the run than after it
        return measure(args, networks, weights, modalities, sources, multi_label, processes)


def measure(args: argparse.Namespace, networks, weights, modalities, sources, multi_label: bool, processes) -> int:
    """Read the lists, score their clips, print and write the results."""
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.evaluated_clips import read_clips
    from paddle_tsm.commands.evaluated_scores import score_with_progress
    from paddle_tsm.commands.evaluated_work import about_evaluation
    from paddle_tsm.commands.messages import print_remarks, print_video_notes
    from paddle_tsm.evaluation.summary import print_evaluation
    from paddle_tsm.evaluation.time_spent import TimeSpent, shares_in_words
    from paddle_tsm.lists.bad_clips import SkippedClips
    from paddle_tsm.processes.list_work import kept_work
    from paddle_tsm.terminal.literal_text import plain_console

    skipped = SkippedClips()

    def clips_of_lists() -> tuple[list, list]:
        lists = read_clips(args, modalities, sources, multi_label, skipped)
        for clips in lists:
            keep_clips(args, clips)
        return lists, list(skipped)

    lists, bad = processes.from_first(clips_of_lists)  # one process looks at the clips, and tells the others
    for clip in bad:
        skipped.add(clip)
    folder = os.path.join(args.out, UNFINISHED) if args.out else None
    about = about_evaluation(args, networks, modalities, lists) if folder and processes.is_first else {}
    with kept_work(processes, folder, about, args.resume, lambda text: print_remarks("evaluate", [text])):
        start = time.perf_counter()
        inputs = list(zip(modalities, lists, sources))
        spent = TimeSpent()
        scored = score_with_progress(args, networks, inputs, skipped, processes, folder, spent)
        seconds = time.perf_counter() - start
        shares = shares_in_words(processes.total(*spent.seconds()))
        if not processes.is_first:
            return 0
        evaluation = summarise(args, networks, scored, weights, modalities, multi_label, skipped)
        console = plain_console()
        print_evaluation(evaluation, console)
        console.print(f"{len(lists[0]) / seconds:.1f} videos/s; {shares}", soft_wrap=True)
        print_video_notes(sources[0].notes)
        write_results(args.out, args.json, evaluation, lists[0], console)
    if args.skip_bad:
        console.print(skipped.report(), soft_wrap=True)
    return 0


def checked_options(args: argparse.Namespace) -> list[float] | None:
    """The weight of each checkpoint in the ensemble; None where none is asked for. Raises ValueError for an option
    whose value is out of range.
    """
    from paddle_tsm.data.presets import pick
    from paddle_tsm.data.scores import AVERAGES
    from paddle_tsm.evaluation.ensemble import check_weights
    from paddle_tsm.lists.check_list import DEPTHS

    for name, least in (("batch", 1), ("workers", 0), ("size", 1), ("first_frame", 0)):
        if getattr(args, name) is not None and getattr(args, name) < least:
            raise ValueError(f"--{name.replace('_', '-')}: got {getattr(args, name)}, wanted at least {least}")
    if args.resume and not args.out:
        raise ValueError("--resume: got no --out, whose folder holds what was done before")
    pick(dict.fromkeys((*DEPTHS, "none")), args.check, "--check")
    if args.average is not None:
        pick(dict.fromkeys(AVERAGES), args.average, "--average")
    if args.ensemble_weights is None and not args.ensemble and not args.rgb_and_flow:
        if args.out and len(args.weights) > 1:
            raise ValueError(
                f"--out: got {len(args.weights)} checkpoints, whose scores are not one scores.csv; wanted --ensemble "
                "beside it, for their mean, or --json in its place, for the measures of each"
            )
        return None
    if args.ensemble_weights is None:
        return check_weights(None, len(args.weights))
    try:
        weights = [float(text) for text in args.ensemble_weights.replace(":", ",").split(",")]
    except ValueError:
        raise ValueError(
            f"--ensemble-weights: got {args.ensemble_weights!r}, wanted numbers with commas, such as 1,1.5"
        ) from None
    return check_weights(weights, len(args.weights))


def check_places(args: argparse.Namespace) -> None:
    """Raise OSError where --json has no folder, and ValueError where a file that is written is one that is read: better
    before the run than after it.
    """
    from paddle_tsm.files.kept_inputs import keep_inputs

    for path in written_files(args):
        keep_inputs(
            path,
            (args.list, args.rgb_and_flow, args.classes, *args.weights, *(f"{path}.json" for path in args.weights)),
        )
    folder = os.path.dirname(args.json or "")
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"{os.strerror(errno.ENOENT)}; make the folder first", folder)


def written_files(args: argparse.Namespace) -> list[dict[str, str | None]]:
    """{option: path} for each file that is written, as `keep_inputs` takes them."""
    from paddle_tsm.evaluation.result_files import FILE_NAMES

    return [{"--json": args.json}, *({"--out": os.path.join(args.out, name)} for name in FILE_NAMES if args.out)]


def keep_clips(args: argparse.Namespace, entries: list) -> None:
    """Raise ValueError where a clip, or its folder of frames, is where a file is to be written."""
    from paddle_tsm.files.kept_inputs import keep_inputs

    for place in written_files(args):
        # A list can have a hundred thousand clips. A place where nothing is yet can only lie in a folder of frames.
        if any(path and (args.form != "video" or os.path.exists(path)) for path in place.values()):
            keep_inputs(place, dict.fromkeys(entry.path for entry in entries))


def described(modality) -> dict:
    """How the clips were read and averaged, for the table and for metrics.json."""
    taken, preset = modality.taken, modality.preset
    said = {name: getattr(taken, name) for name in ("sampling", "crops", "size", "preset")}
    return said | {
        "size": preset.test_size,
        "average": preset.average,
        "views": preset.views,
        "test_crops": preset.crops_in_words,
    }


def summarise(args: argparse.Namespace, networks, scored, weights, modalities, multi_label: bool, skipped):
    """The Evaluation of the checkpoints. weights: of each in the ensemble, or None for no ensemble."""
    from paddle_tsm.evaluation.ensemble import combine
    from paddle_tsm.evaluation.summary import Evaluation, Rated

    together = combine(scored, weights) if weights and len(scored) > 1 else None
    shares = weights if together else [None] * len(scored)
    views = [next(m.preset.views for m in modalities if one in m.networks) for one in networks]
    rated = [
        Rated(one.path, *rest)
        for one, *rest in zip(networks, scored, [n.num_segments for n in networks], shares, views)
    ]
    lines = [line.strip() for line in skipped.report().splitlines()[1:]]
    options = described(modalities[0])
    if len(modalities) > 1:
        options["flow"] = {"list": args.rgb_and_flow} | described(modalities[1])
    names = list(modalities[0].taken.class_names) or None
    return Evaluation(args.list, rated, together, options, multi_label, names, lines)


def write_results(out: str | None, json: str | None, evaluation, entries, console) -> None:
    """Write what --out and --json ask for, and say what was written."""
    from paddle_tsm.drawing.figure import need_matplotlib
    from paddle_tsm.evaluation.result_files import write_files, write_json
    from paddle_tsm.terminal.literal_text import literal

    def say(text: str) -> None:
        console.print(literal(text), soft_wrap=True)

    if out:
        plot = True
        if not evaluation.multi_label:
            try:
                need_matplotlib()
            except ValueError as error:
                plot = False
                say(f"confusion.png was left out: {error}")
        say(f"{out}: {', '.join(write_files(out, evaluation, entries, plot))}")
    if json:
        write_json(json, evaluation)
        say(json)
