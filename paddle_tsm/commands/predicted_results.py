"""What `paddle-tsm predict` prints and writes of whole videos."""

from __future__ import annotations

import argparse
import json
import os

from paddle_tsm.commands.labelled_copy import write_labelled
from paddle_tsm.lists.class_folders import VIDEO_ENDINGS

RESULTS = "predictions.jsonl"  # the file in --out
UNFINISHED = "unfinished"  # the folder in --out that keeps what is done until all is


def results_folder(args: argparse.Namespace) -> str | None:
    """The folder of --out; None where it is not given, or names a video. Raises ValueError for --resume without it."""
    video = args.out and os.path.splitext(args.out)[1].lower() in VIDEO_ENDINGS
    folder = None if video else args.out
    if args.resume and not folder:
        raise ValueError("--resume: got no folder in --out, which holds what was done before")
    return folder


def about_prediction(args: argparse.Namespace, found, taken, preset, names: list[str], sources: list) -> dict:
    """By the name that a user knows, all that the results depend on, so that --resume goes on with the same work."""
    from paddle_tsm.commands.evaluated_work import digest_of_text, digest_of_weights

    return {
        "the videos": digest_of_text("\n".join(one.name for one in sources)),
        "--weights": digest_of_weights(args.weights),
        "the network's options": str(found.network),
        "--preset": preset.name,
        "--sampling": taken.sampling,
        "--crops": taken.crops,
        "--size": preset.test_size,
        "--classes": digest_of_text("\n".join(names)),
        "--top": args.top,
        "--strict": args.strict,
        "--engine": args.engine,
        "--precision": args.precision,
    }


class Results:
    """Prints what is said of videos, as tables or, with --json, as lines. how: how the frames became input, in words.
    folder: that of --out, whose file takes the place of tables.
    """

    def __init__(self, args: argparse.Namespace, preset, how: str, folder: str | None) -> None:
        self.args, self.preset, self.how, self.folder = args, preset, how, folder
        self.failed = False
        if not args.json:
            print(f"{how}\n", flush=True)

    def tell(self, one) -> None:
        """Print what is said of one video, a NamedVideo."""
        from paddle_tsm.commands.messages import print_note, print_problem

        for text in one.remarks:
            print_note(f"{one.video}: {text}")
        if one.top is None:
            print_problem("predict", one.problem)
            self.failed = True
        elif self.args.json:
            print(self.line(one), flush=True)
        elif not self.folder:
            print_top(one.video, one.top)

    def line(self, one) -> str:
        """A video and its classes as JSON."""
        return json.dumps({"video": one.video, "views": self.preset.views, "pixels": self.how, "top": one.top})

    def write(self, found: list) -> None:
        """Write what --out asks for. found: what is said of each video."""
        from paddle_tsm.files.atomic import atomic_file

        there = [one for one in found if one.top is not None]
        if self.folder:
            with atomic_file(os.path.join(self.folder, RESULTS)) as file:
                file.writelines(f"{self.line(one)}\n".encode() for one in there)
        elif self.args.out and there:
            write_labelled(there[0].video, self.args.out, always(there[0].top[:3]))

    def sum_up(self, found: list, seconds: float, shares: str) -> None:
        """Print how fast it went and, of a folder, what was written, unless only JSON is asked for."""
        from paddle_tsm.terminal.literal_text import literal, plain_console

        done = sum(one.top is not None for one in found)
        if self.args.json:
            return
        console = plain_console()
        if done:
            console.print(f"{done / seconds:.1f} videos/s; {shares}", soft_wrap=True)
        if self.folder:
            console.print(f"{literal(self.folder)}: {RESULTS}, {done} of {len(found)} videos", soft_wrap=True)


def always(top: list[dict]):
    """What gives the lines on a frame at any time: the classes with their probabilities."""
    lines = [f"{one['name']}  {100 * one['probability']:.1f} %" for one in top]
    return lambda seconds: lines


def print_top(video: str, top: list[dict]) -> None:
    """Print the classes as a table with bars. top: see `top_classes`."""
    from rich.table import Table

    from paddle_tsm.terminal.literal_text import as_text, plain_console

    console = plain_console()
    # A pipe on Windows takes only the characters of the code page.
    block = "█" if console.encoding.startswith("utf") else "#"
    table = Table(title=as_text(video), title_justify="left", box=None, pad_edge=False)
    for header in ("class", "name", "probability", ""):
        table.add_column(header, justify="right" if header in ("class", "probability") else "left")
    for one in top:
        bar = block * round(30 * one["probability"])
        table.add_row(str(one["class"]), as_text(one["name"]), f"{100 * one['probability']:.2f} %", bar)
    console.print(table)
