"""`paddle-tsm parity --curves`: two trainings that have run, compared by what they wrote."""

from __future__ import annotations

import argparse


def add_curve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that compare two trainings that have run, in place of two networks."""
    group = parser.add_argument_group("curves of two trainings")
    group.add_argument(
        "--curves",
        nargs=2,
        metavar=("A", "B"),
        help="Compare two trainings: the folders that `train` wrote, or CSV files with a column loss and a row for "
        "each update. Names the first update at which they part beyond rounding.",
    )
    group.add_argument(
        "--noise",
        nargs="+",
        metavar="RUN",
        help="Trainings like A from weights moved by one unit in the last place (`train --nudge`): what the difference "
        "is held against. Default: the size of a leap from one update to the next.",
    )
    group.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        help="The precision of the trainings. Default: what their recipe.json or the digits of their losses say.",
    )


def curve_inputs(runs: list[str]) -> list[str]:
    """The files that `--curves` reads of trainings: their rows, validations and recipes."""
    from paddle_tsm.parity.curves.curve_file import files_of

    return [path for run in runs for path in files_of(run)]


def compare_runs(args: argparse.Namespace) -> int:
    """Compare the curves of two trainings. Returns 0 where they are equal within rounding, 1 where they part."""
    from paddle_tsm.commands.closed_pipe import print_until_closed
    from paddle_tsm.parity.curves.curve_comparison import compare_curves
    from paddle_tsm.parity.curves.curve_file import read_curve
    from paddle_tsm.parity.curves.curve_report import print_curves, write_curves_json, write_curves_junit

    check_curve_options(args)
    a, b = map(read_curve, args.curves)
    found = compare_curves(a, b, list(map(read_curve, args.noise or [])), args.dtype)
    page = None
    if args.report:
        from paddle_tsm.parity.curves.curve_page import write_curve_page

        page = write_curve_page(found, args.report)
    if args.json:
        write_curves_json(found, args.json)
    if args.junit:
        write_curves_junit(found, args.junit)
    print_until_closed(lambda console: print_curves(found, console), page)
    return 0 if found.equal else 1


def check_curve_options(args: argparse.Namespace) -> None:
    """Raise ValueError for an option that compares networks, beside --curves."""
    beside = ["a checkpoint"] * (args.a is not None)
    of_networks = ("differences", "video", "gradients", "steps", "float32", "heat_maps")
    beside += [f"--{name.replace('_', '-')}" for name in of_networks if getattr(args, name)]
    if beside:
        raise ValueError(f"--curves: got {beside[0]} beside it; it compares two trainings that have run")
    if args.report:
        from paddle_tsm.drawing.figure import need_matplotlib

        need_matplotlib()
