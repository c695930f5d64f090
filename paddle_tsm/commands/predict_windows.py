"""`paddle-tsm predict --window`: what is seen when."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterable
from fractions import Fraction

from paddle_tsm.commands.labelled_copy import write_labelled
from paddle_tsm.commands.shared_options import add_at_once_options, at_least, patience_of
from paddle_tsm.data.datasets import DATA_SETS

USUAL_WINDOW = 4.0  # seconds, for a network whose data set is not recorded
USUAL_STEADY = 10.0
MAY_WAIT = 32  # frames of a live source, while the network runs on a window


def add_window_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of timelines."""
    group = parser.add_argument_group(
        "timelines",
        "With one of these options a video is cut into sliding windows. Each is classified like a video of its own, "
        "and neighbouring windows of one class are joined to spans. The video is read once, in little memory.",
    )
    group.add_argument(
        "--window",
        type=Fraction,
        metavar="S",
        help="The length of a window in seconds. Default: the usual length of a clip of the data set that the weights "
        f"record, else {USUAL_WINDOW:g}.",
    )
    group.add_argument(
        "--step",
        type=Fraction,
        metavar="S",
        help="Seconds from one window to the next. Default: the length of a window, so that no two overlap.",
    )
    group.add_argument(
        "--steady",
        type=float,
        metavar="N",
        help="A span ends only where another class makes a window N times as probable. 1 takes every window for "
        f"itself. Default: {USUAL_STEADY:g}.",
    )
    group.add_argument(
        "--timeline",
        metavar="DIR",
        help="Write NAME.csv (start, end, class, name, probability) and NAME.png of each video into this folder.",
    )
    add_at_once_options(parser)


def wants_windows(args: argparse.Namespace) -> bool:
    """Whether an option of timelines was given. Raises ValueError for a value out of range, and for an option that
    only timelines or only whole videos have.
    """
    given = [name for name in ("window", "step", "steady", "timeline") if getattr(args, name) is not None]
    if not given:
        if args.live:
            raise ValueError("--live: got no --window, wanted it beside --live: only windows are read as they come")
        return False
    for name in ("window", "step"):
        value = getattr(args, name)
        if value is not None and value <= 0:
            raise ValueError(f"--{name}: got {float(value):g}, wanted more than 0 seconds")
    if args.steady is not None and not args.steady >= 1:
        raise ValueError(f"--steady: got {args.steady:g}, wanted at least 1")
    if args.sampling not in (None, "uniform"):
        raise ValueError(f"--sampling: got {args.sampling} with --{given[0]}, wanted uniform: a window is one clip")
    at_least(args, "at_once", 1)
    return True


def lengths_of(args: argparse.Namespace, data_set: str | None) -> tuple[Fraction, Fraction]:
    """(the length of a window, that of a step) in seconds. Raises ValueError where windows would leave gaps."""
    usual = DATA_SETS[data_set].seconds if data_set in DATA_SETS else USUAL_WINDOW
    window = args.window or Fraction(usual)
    step = args.step or window
    if step > window:
        raise ValueError(
            f"--step: got {float(step):g}, wanted at most the length of a window, {float(window):g}, or there are gaps"
        )
    return window, step


def can_draw() -> bool:
    """Whether there can be pictures; where not, a line says why."""
    from paddle_tsm.commands.messages import print_remarks
    from paddle_tsm.drawing.figure import need_matplotlib

    try:
        need_matplotlib()
    except ValueError as error:
        print_remarks("predict", [f"the pictures of --timeline are left out: {error}"])
        return False
    return True


def predict_windows(args: argparse.Namespace, predictor, taken, preset, sources: list) -> int:
    """Print the spans of each source as they are found, and write the timelines. Returns the exit code."""
    from paddle_tsm.commands.source_remarks import SourceRemarks
    from paddle_tsm.commands.source_timeline import SourceTimeline, file_names
    from paddle_tsm.files.made_folder import made_folder
    from paddle_tsm.inference.window_classes import WindowClasses
    from paddle_tsm.terminal.live_line import LiveLine
    from paddle_tsm.training.stop import finish_request

    lengths, line = lengths_of(args, taken.data_set), LiveLine()
    names, steady = taken.names_of(predictor.network.num_classes), args.steady or USUAL_STEADY
    places = file_names(sources)
    check_places(args, sources, places.values())
    if not args.json:
        window, step = (f"{float(length):g} s" for length in lengths)
        print(f"{preset.name}, {preset.crops_in_words}, windows of {window}, one every {step}\n", flush=True)
    remarks = SourceRemarks("predict", args.strict, line.clear)
    picture = args.timeline is not None and can_draw()
    timelines = {}
    for one in remarks.checked(sources):
        classes = WindowClasses(predictor, preset, predictor.network.num_segments, *lengths, steady)
        timelines[one] = SourceTimeline(one, classes, names, args, places[one], picture, len(sources) > 1, line)
    with contextlib.ExitStack() as stack:
        if args.timeline:
            stack.enter_context(made_folder(args.timeline))
        request = stack.enter_context(finish_request())
        stack.callback(line.clear)
        read_all(args, timelines, remarks, lambda: request.signal is not None)
        if request.signal is not None:
            return 128 + request.signal
    if args.out and not remarks.failed:
        write_labelled(sources[0].name, args.out, timelines[sources[0]].lines_at)
    return 2 if remarks.failed else 0


def read_all(args: argparse.Namespace, timelines: dict, remarks, stopped: Callable[[], bool]) -> None:
    """Read the sources of the timelines to their ends, or until it is to stop."""
    from paddle_tsm.sources.feeds_in_turn import feeds_in_turn

    feeds = feeds_in_turn(
        list(timelines), patience_of(args), args.at_once, args.live or None, MAY_WAIT, remarks.tell, stopped
    )
    with contextlib.closing(feeds):
        for feed, frame in feeds:
            if frame is not None:
                timelines[feed.source].add(frame)
            else:
                timelines[feed.source].end(feed, remarks)


def check_places(args: argparse.Namespace, sources: list, names: Iterable[str]) -> None:
    """Raise ValueError where a file of --timeline would replace one that is read. names: of the files."""
    from paddle_tsm.files.kept_inputs import keep_inputs

    read = (*(one.path for one in sources), args.list, args.weights, args.classes)
    for name in names if args.timeline else ():
        for ending in (".csv", ".png"):
            keep_inputs({"--timeline": os.path.join(args.timeline, name + ending)}, read)
