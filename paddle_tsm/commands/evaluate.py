"""`paddle-tsm evaluate`: top-1, top-5, mean class accuracy, confusion matrix and every clip's scores."""

import argparse
import errno
import os
import time

from paddle_tsm.commands.engine import add_engine_options
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.data.presets import offered_crops
from paddle_tsm.layouts.registry import LAYOUTS


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "evaluate",
        help="accuracy of one checkpoint, or of several together, on a list of clips",
        description="Run every clip of LIST through the network and print top-1, top-5 and mean class accuracy,\n"
        "or, with --multi-label, the mean average precision. The results do not depend on --batch and --workers.",
        epilog="examples:\n  paddle-tsm evaluate val.txt --weights tsm_r50_mmaction2.pth --root videos --out report\n"
        "  paddle-tsm evaluate val.txt --weights tsm_r50_mit.pth.tar --sampling dense --crops three\n"
        "  paddle-tsm evaluate val.txt --weights tsm_r50_mit.pth.tar --sampling twice --crops three-train-size\n"
        "  paddle-tsm evaluate val.txt --weights tsm_8.safetensors tsm_16.safetensors --ensemble-weights 1,1.5\n"
        "  paddle-tsm evaluate val.txt --weights tsm.pth --form frames --root frames --data-set something-v2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("list", metavar="LIST", help="the clips, one a line, as --form says")
    parser.add_argument(
        "--weights",
        nargs="+",
        required=True,
        metavar="W",
        help="a checkpoint of any layout and format, or a folder that `export` wrote; several: each, and their ensemble",
    )
    parser.add_argument("--ensemble-weights", metavar="A,B", help="a positive number for each checkpoint (equal)")
    parser.add_argument("--network", metavar="KEY", help="which of several networks in a file, as EMA beside the other")
    parser.add_argument(
        "--from", dest="layout", default="auto", choices=("auto", *LAYOUTS), help="the layout (auto: read off the keys)"
    )
    add_clip_options(parser)
    group = parser.add_argument_group("how it runs")
    group.add_argument("--batch", type=int, default=8, metavar="N", help="views in a forward pass (8)")
    group.add_argument("--workers", type=int, default=2, metavar="N", help="threads that read clips (2)")
    group.add_argument(
        "--check",
        default="first",
        metavar="DEPTH",
        help="what is looked at of every clip before the first is run: exists, first (frame), all, or none (first)",
    )
    group.add_argument("--skip-bad", action="store_true", help="leave out clips that cannot be read; named at the end")
    group.add_argument(
        "--strict",
        action="store_true",
        help="decode every video first; one that does not hold what its container says cannot be read",
    )
    group = parser.add_argument_group("what it writes")
    group.add_argument("--out", metavar="DIR", help="write scores.csv, confusion.csv, confusion.png and metrics.json")
    group.add_argument("--json", metavar="FILE", help="write metrics.json under this name")
    group.add_argument(
        "--classes", metavar="FILE", help="names of the classes, one a line, for the files (what the file records)"
    )
    add_engine_options(parser)
    add_network_options(parser)
    parser.set_defaults(run=run)


def add_clip_options(parser) -> None:
    """Add what says where the clips are and how they become input."""
    group = parser.add_argument_group("the clips")
    group.add_argument(
        "--form",
        default="video",
        help="of the list's lines. video: path label; frames: path num_frames label; offset: dir offset num_frames "
        "label (video)",
    )
    group.add_argument("--root", default="", metavar="DIR", help="the folder that the list's paths are relative to (.)")
    group.add_argument("--template", metavar="T", help="names of the frames, as img_{:05d}.jpg")
    group.add_argument("--first-frame", type=int, default=1, metavar="N", help="number of a folder's first frame (1)")
    group.add_argument(
        "--data-set", metavar="NAME", help="as something-v2: the number of classes is checked, the template known"
    )
    group.add_argument(
        "--multi-label", action="store_true", help="clips with several labels, as 1,4,7 (what the file records)"
    )
    group = parser.add_argument_group("their pixels")
    group.add_argument(
        "--preset", metavar="P", help="mmaction2, mit, paddlevideo or pptsm (what the file records, else its layout's)"
    )
    group.add_argument("--sampling", help="uniform, dense or twice (what the file records, else uniform)")
    group.add_argument("--crops", metavar="C", help=f"{offered_crops()} (what the file records, else centre)")
    group.add_argument(
        "--size", type=int, metavar="S", help="height and width in training (what the file records, else 224)"
    )
    group.add_argument("--average", help="of the views' scores: probabilities or logits (the preset's)")


def run(args) -> int:
    from paddle_tsm.commands.evaluation_input import (
        input_of,
        pixels_of,
        read_entries,
        read_networks,
        source_of,
    )
    from paddle_tsm.commands.odd_videos import print_note
    from paddle_tsm.data.bad_clips import SkippedClips
    from paddle_tsm.evaluation.summary import print_evaluation
    from paddle_tsm.terminal.literal_text import plain_console

    weights = check(args)
    files = read_networks(args)
    skipped = SkippedClips()
    taken = input_of(args, files)
    args.multi_label = args.multi_label or bool(taken.multi_label)
    (pixels, options), source = pixels_of(args, files, taken), source_of(args, taken.data_set)
    classes, names = files[0].network.num_classes, list(taken.class_names) or None
    check_places(args)
    entries = read_entries(args, classes, source, skipped)
    keep_clips(args, entries)
    start = time.perf_counter()
    parts = score_files(args, files, entries, pixels, source, skipped)
    seconds = time.perf_counter() - start
    evaluation = summarise(args, files, parts, weights, options, names, skipped)
    console = plain_console()
    print_evaluation(evaluation, console)
    console.print(f"{len(entries) / seconds:.1f} videos/s")
    print_note(source.notes)
    write(args, evaluation, entries, console)
    if args.skip_bad:
        console.print(skipped.report(), soft_wrap=True)
    return 0


def check(args) -> list[float]:
    """The weight of each checkpoint. Raises ValueError for an option that cannot be."""
    from paddle_tsm.data.check_list import DEPTHS
    from paddle_tsm.data.presets import pick
    from paddle_tsm.data.scores import AVERAGES
    from paddle_tsm.evaluation.ensemble import check_weights

    for name, least in (("batch", 1), ("workers", 0), ("size", 1), ("first_frame", 0)):
        if getattr(args, name) is not None and getattr(args, name) < least:
            raise ValueError(f"--{name.replace('_', '-')}: got {getattr(args, name)}, wanted at least {least}")
    pick(dict.fromkeys((*DEPTHS, "none")), args.check, "--check")
    if args.average is not None:
        pick(dict.fromkeys(AVERAGES), args.average, "--average")
    if args.ensemble_weights is None:
        return check_weights(None, len(args.weights))
    try:
        weights = [float(text) for text in args.ensemble_weights.split(",")]
    except ValueError:
        raise ValueError(
            f"--ensemble-weights: got {args.ensemble_weights!r}, wanted numbers with commas, as 1,1.5"
        ) from None
    return check_weights(weights, len(args.weights))


def check_places(args) -> None:
    """Make the folder of --out, and raise OSError where --json has none: better before the run than after it. Raises
    ValueError where what is written is what is read."""
    from paddle_tsm.files.inputs_kept import keep_inputs

    for path in places(args):
        keep_inputs(path, (args.list, args.classes, *args.weights, *(f"{path}.json" for path in args.weights)))
    if args.out:
        os.makedirs(args.out, exist_ok=True)
    folder = os.path.dirname(args.json or "")
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"{os.strerror(errno.ENOENT)}; make the folder first", folder)


def places(args) -> list[dict[str, str]]:
    """What is written, for `keep_inputs`."""
    from paddle_tsm.evaluation.result_files import NAMES

    return [{"--json": args.json}, *({"--out": os.path.join(args.out, name)} for name in NAMES if args.out)]


def keep_clips(args, entries) -> None:
    """Raise ValueError where a clip, or its folder of frames, is where a file is to be written."""
    from paddle_tsm.files.inputs_kept import keep_inputs

    there = [
        place
        for place in places(args)
        if any(path and (args.form != "video" or os.path.exists(path)) for path in place.values())
    ]
    for place in there:  # none, as a rule: a list may have a hundred thousand clips
        keep_inputs(place, dict.fromkeys(entry.path for entry in entries))


def engine_run(args, path: str, file, size: int):
    """What runs the checkpoint: float32 [N*T, 3, size, size] -> logits [N, K]. The one place where an engine is chosen."""
    from paddle_tsm import runtime
    from paddle_tsm.commands.engine import exports_first, predictor_of

    runtime.import_paddle()
    if os.path.isdir(path) or exports_first(path, args):
        options = network_options(args) | (
            {"layout": args.layout, "network": args.network} if os.path.isfile(path) else {}
        )
        return predictor_of(path, args, options, size)
    from paddle_tsm.evaluation.paddle_run import run_of
    from paddle_tsm.models.create import build
    from paddle_tsm.models.load import assign_weights

    network, tensors = file.as_asked()
    return run_of(assign_weights(build(network), tensors))


def score_files(args, files, entries, pixels, source, skipped) -> list:
    """Each checkpoint's scores, of the clips that could be read for all: another number of frames takes others."""
    from paddle_tsm.data.clip_reader import ClipReader
    from paddle_tsm.evaluation.score import score_clips

    parts = []
    with progress_bar() as bar:
        for number, (path, file) in enumerate(zip(args.weights, files), 1):
            reader = ClipReader(entries, pixels, file.network.num_segments, source=source, skip_bad=args.skip_bad)
            title = "evaluating" if len(files) == 1 else f"checkpoint {number} of {len(files)}"
            task = bar.add_task(title, total=len(entries))
            parts.append(
                score_clips(
                    engine_run(args, path, file, pixels.test_size),
                    reader,
                    batch=args.batch,
                    workers=args.workers,
                    skipped=skipped,
                    progress=lambda done, total, task=task: bar.update(task, completed=done),
                )
            )
    common = set.intersection(*(set(part.indices.tolist()) for part in parts))
    if not common:
        raise ValueError(f"{args.list}: none of the clips can be read; the first: {next(iter(skipped))}")
    return [part.only(common) for part in parts]


def progress_bar():
    """A bar on stderr with the clips done, videos/s and the time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    from paddle_tsm.terminal.literal_text import plain_console

    class VideosPerSecond(ProgressColumn):
        def render(self, task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.1f} videos/s")

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), VideosPerSecond()
    console = plain_console(stderr=True)
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)


def summarise(args, files, parts, weights, options, names, skipped):
    """The Evaluation of the checkpoints and, where there are several, of their ensemble."""
    from paddle_tsm.evaluation.ensemble import combine
    from paddle_tsm.evaluation.summary import Evaluation, Rated

    rated = [
        Rated(path, part, file.network.num_segments, weight)
        for path, part, file, weight in zip(args.weights, parts, files, weights)
    ]
    if len(parts) > 1:
        rated.append(Rated("ensemble", combine(parts, weights)))
    lines = skipped.report().splitlines()[1:]
    return Evaluation(args.list, rated, options, args.multi_label, names, [line.strip() for line in lines])


def write(args, evaluation, entries, console) -> None:
    """Write what --out and --json ask for, and say what was written."""
    from paddle_tsm.drawing.figure import need_matplotlib
    from paddle_tsm.evaluation.result_files import write_files, write_json
    from paddle_tsm.terminal.literal_text import literal

    def say(text: str) -> None:
        console.print(literal(text), soft_wrap=True)

    if args.out:
        plot = True
        if not args.multi_label:
            try:
                need_matplotlib()
            except ValueError as error:
                plot = False
                say(f"confusion.png was left out: {error}")
        say(f"{args.out}: {', '.join(write_files(args.out, evaluation, entries, plot))}")
    if args.json:
        write_json(args.json, evaluation)
        say(args.json)
