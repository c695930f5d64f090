"""`paddle-tsm parity --models`: any PyTorch module against any Paddle layer, both named by import paths."""

from __future__ import annotations

import argparse
import json
import os

from paddle_tsm.commands.network_options import FLAGS
from paddle_tsm.parity.model_pair.dropout_masks import DROPOUT
from paddle_tsm.parity.model_pair.optimizers import KINDS

WEIGHTS = {"copy": "copy", "as-they-are": "as they are"}
MASKS = {word.replace(" ", "-"): word for word in DROPOUT}
DEFAULT_STEPS = 5
# the options that need --models, and those that speak of checkpoints, networks of TSM or curves
OF_STEPS = ("optimizer", "schedule", "clip", "dropout")
OWN = (*OF_STEPS, "inputs", "losses", "weights", "align", "save_align", "no_gradients", "no_float32", "strict")
OTHERS = (
    *("network", "allow_nan", "differences", "video", "size", "clips", "float32", "curves", "noise", "dtype"),
    "heat_maps",
)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that compare two models of the user's own, in place of two checkpoints."""
    group = parser.add_argument_group(
        "any two models",
        "A torch.nn.Module against a paddle.nn.Layer: outputs, every layer, gradients and training steps. PATH is "
        "MODULE:NAME, such as mine:model for model in mine.py; modules are found from the current folder.",
    )
    group.add_argument(
        "--models",
        nargs=2,
        metavar=("TORCH", "PADDLE"),
        help="The PATH of a model of each framework, or of a class or function without arguments that makes it.",
    )
    group.add_argument(
        "--inputs",
        metavar="PATH",
        help="An array, a tuple of them (positional arguments), a dict (named ones), or a function of a seed to any of "
        "these, called with another seed for each training step.",
    )
    group.add_argument(
        "--weights",
        choices=tuple(WEIGHTS),
        help="With copy Paddle's model gets PyTorch's weights, with as-they-are each keeps its own. Default: copy.",
    )
    group.add_argument(
        "--align",
        metavar="FILE",
        help="Which layers are the same, where that is not plain: JSON that --save-align wrote, or an object such as "
        '{"head": "classifier"}, PyTorch\'s name to Paddle\'s, or to null for what has no twin.',
    )
    group.add_argument("--save-align", metavar="FILE", help="Write which tensor is which, for --align and converters.")
    group.add_argument(
        "--losses",
        nargs=2,
        metavar=("TORCH", "PADDLE"),
        help="The PATHs of functions of the outputs to a scalar. Default: a seeded projection of all outputs.",
    )
    group.add_argument("--optimizer", choices=tuple(KINDS), help="Of the training steps. Default: momentum.")
    group.add_argument(
        "--schedule", metavar="PATH", help="A function of the step, from 0, to its learning rate. Default: one rate."
    )
    group.add_argument("--clip", type=float, metavar="NORM", help="The largest norm of all gradients together.")
    group.add_argument(
        "--dropout",
        choices=tuple(MASKS),
        help="In training: off, or the same masks in both frameworks. Default: off.",
    )
    group.add_argument("--no-gradients", action="store_true", help="Leave out the gradients of weights and inputs.")
    group.add_argument("--no-float32", action="store_true", help="Leave out the outputs in float32.")
    group.add_argument(
        "--strict",
        action="store_true",
        help="Count known differences of the frameworks, which no port can help, as differences.",
    )


def files_read(args: argparse.Namespace) -> list[str]:
    """The files that the comparison of two models reads, or must not write over."""
    from paddle_tsm.parity.model_pair.import_path import source_files

    paths = [*args.models, *filter(None, (args.inputs, args.schedule)), *(args.losses or ())]
    return [*map(str, source_files(paths)), *filter(None, (args.align, args.save_align))]


def compare_pair(args: argparse.Namespace) -> int:
    """Compare two models. Returns 0 where they are equal, 1 where they differ."""
    # imported here, so that `--help` and other commands do not load both frameworks
    from paddle_tsm.parity.model_pair.import_path import imported_function, imported_model
    from paddle_tsm.parity.model_pair.paddle_notes import without_paddles_notes
    from paddle_tsm.runtime import import_paddle
    from paddle_tsm.terminal.literal_text import as_text, status

    check_model_options(args)
    import_paddle()
    align = read_align(args.align)
    torch_model, paddle_model = (imported_model("--models", path) for path in args.models)
    inputs = imported_function("--inputs", args.inputs)
    losses = [imported_function("--losses", path) for path in args.losses or ()]
    with status("parity") as spinner, without_paddles_notes():
        from paddle_tsm.parity.model_pair.compare_models import compare_models

        report = compare_models(
            torch_model,
            paddle_model,
            inputs,
            weights=WEIGHTS[args.weights or "copy"],
            gradients=not args.no_gradients,
            steps=DEFAULT_STEPS if args.steps is None else args.steps,
            loss=(losses[0], losses[1]) if losses else None,
            optimizer=chosen_optimizer(args),
            align=align,
            float32=not args.no_float32,
            seed=args.seed,
            strict=args.strict,
            schedule=imported_function("--schedule", args.schedule) if args.schedule else None,
            clip=args.clip,
            dropout=MASKS[args.dropout or "off"],
            progress=lambda part: spinner.update(as_text(f"parity: {part}")),
        )
    report.title = f"{args.models[0]} in PyTorch, {args.models[1]} in Paddle"
    if args.save_align and report.alignment:
        report.alignment.save(args.save_align)
    report.write(args.report, junit=args.junit, json=args.json)
    print_comparison(report, args.report)
    return 0 if report.equal else 1


def print_comparison(report, folder) -> None:
    """Print the report, the seconds of each part, and where its page is."""
    from paddle_tsm.commands.closed_pipe import print_until_closed
    from paddle_tsm.parity.report.console_report import print_report, print_seconds
    from paddle_tsm.parity.report.report_folder import PAGE

    def show(console) -> None:
        print_report(report, console)
        print_seconds(report, console)

    print_until_closed(show, folder and os.path.join(folder, PAGE))


def chosen_optimizer(args: argparse.Namespace) -> dict | None:
    """The optimizer as `compare_models` takes it; None where no option asks for one."""
    if args.optimizer is None and args.lr is None:
        return None
    return {"kind": args.optimizer or "momentum"} | ({} if args.lr is None else {"lr": args.lr})


def read_align(path: str | None):
    """What --align names: lines of PyTorch's names to Paddle's, or an alignment. Raises ValueError for other files."""
    from paddle_tsm.parity.model_pair.alignment import Alignment

    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            lines = json.load(file)
    except ValueError as error:
        raise ValueError(f"--align {path}: is not JSON ({error})") from error
    if isinstance(lines, dict) and all(value is None or isinstance(value, str) for value in lines.values()):
        return lines
    return Alignment.load(path)


def refuse_model_options(args: argparse.Namespace) -> None:
    """Raise ValueError for an option that compares two models, without --models."""
    for name in OWN:
        if given(args, name):
            raise ValueError(f"{flag(name)}: got no --models, wanted --models TORCH PADDLE beside it")


def check_model_options(args: argparse.Namespace) -> None:
    """Raise ValueError for options that are out of range or speak of something else than two models."""
    from paddle_tsm.parity.tolerance import step_limit

    beside = ["a checkpoint"] * (args.a is not None)
    beside += [flag(name) for name in OTHERS if given(args, name)]
    beside += [FLAGS[name].name for name in FLAGS if getattr(args, name) is not None]
    if beside:
        raise ValueError(f"--models: got {beside[0]} beside it; it compares two models of your own")
    if args.inputs is None:
        raise ValueError("--models: got no --inputs, wanted --inputs MODULE:NAME beside it")
    if args.gradients and args.no_gradients:
        raise ValueError("--gradients: got --no-gradients beside it; leave one of them out")
    if args.steps:
        step_limit(args.steps)
    if args.seed < 0:
        raise ValueError(f"--seed: got {args.seed}, wanted 0 or more")
    if args.lr is not None and not 0 <= args.lr < float("inf"):
        raise ValueError(f"--lr: got {args.lr}, wanted 0 or more, and finite")
    for name in ("lr", "optimizer", "schedule", "clip"):  # dropout is of the gradients, too
        if args.steps == 0 and getattr(args, name) is not None:
            raise ValueError(f"{flag(name)}: got --steps 0, wanted at least one step beside it")
    if args.save_align and not os.path.isdir(os.path.dirname(args.save_align) or "."):
        raise ValueError(f"--save-align {args.save_align}: its folder is not there")
    if args.report:
        from paddle_tsm.drawing.figure import need_matplotlib

        need_matplotlib()


def given(args: argparse.Namespace, name: str) -> bool:
    """Whether an option was given; 0 is a value."""
    value = getattr(args, name)
    return value is not None and value is not False


def flag(name: str) -> str:
    """An argument's name as an option."""
    return f"--{name.replace('_', '-')}"
