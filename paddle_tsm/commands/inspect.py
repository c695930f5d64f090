"""`paddle-tsm inspect`: what a checkpoint file says, and what it cannot say."""

from __future__ import annotations

import argparse
import json

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import add_key_options, add_layout_option, add_network_key, key_changes

NAMES_PRINTED = 12  # class names in the table; --json has all of them


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "inspect",
        "Describe a checkpoint: layout, architecture, options.",
        "FILE",
        (
            "Print a checkpoint's layout, architecture, classes, dtype and size, and the options of its network.",
            "Some options stand in the keys. For each option that no key shows, the value that is assumed is printed, "
            "and why.",
        ),
        ("paddle-tsm inspect tsm_r50_mmaction2.pth", "paddle-tsm inspect tsm_r50_mmaction2.pth --json"),
    )
    parser.add_argument(
        "file", metavar="FILE", help="A checkpoint of any layout and format, or a folder that `paddle-tsm train` wrote."
    )
    add_layout_option(parser)
    add_network_key(parser, "FILE")
    add_key_options(parser)
    parser.add_argument("--json", action="store_true", help="Print JSON instead of a table.")
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.messages import checkpoint_of
    from paddle_tsm.layouts.description import describe
    from paddle_tsm.layouts.network_file import read_network

    given = {name: value for name, value in network_options(args).items() if value is not None}
    file = checkpoint_of("inspect", args.file)
    reading = {"layout": args.layout, "network": args.network, **key_changes(args)}
    found = read_network(file, allow_nan=True, **reading, **given)
    description = describe(found, given)
    if args.json:
        print(json.dumps(description, indent=2))
    else:
        print_description(description)
    return 0


def print_description(description: dict) -> None:
    """Print what `describe` returned as a table of two columns."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from paddle_tsm.terminal.literal_text import as_text, literal, plain_console

    table = Table(box=box.SIMPLE_HEAD, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")

    def add_reason(name: str, value, reason: str, style: str = "yellow") -> None:
        table.add_row(name, Text.assemble(literal(value), "   ", (literal(reason), style)))

    for name in ("file", "format", "network at", "layout", "architecture", "classes", "dtype", "tensors"):
        table.add_row(name, as_text(description[name]))
    for note in description["keys"]:
        table.add_row("keys", as_text(note))
    if description["converted"]:
        table.add_row("converted", as_text(description["converted"]))
    if description["beside it"]:
        table.add_row("beside it", as_text(", ".join(description["beside it"])))
    table.add_row("parameters", f"{description['parameters'] / 1e6:.2f} million")
    table.add_row("FLOPs", f"{description['flops'] / 1e9:.2f} G ({description['flops of']})")
    for name, value in description["read"].items():
        add_reason(name, value, "read off the keys", "green")
    for name, entry in description["assumed"].items():
        add_reason(name, entry["value"], entry["why"])
    for name, entry in description["input"].items():
        if name == "class_names":
            add_reason("class names", first_names(entry["value"]), entry["why"])
        else:
            add_reason(name, entry["value"], entry["why"])
    if description["not believed"]:
        table.add_row("not believed", as_text(description["not believed"]))
    plain_console().print(table)


def first_names(names: list[str]) -> str:
    """The first class names, and how many more there are."""
    more = f" and {len(names) - NAMES_PRINTED} more" if len(names) > NAMES_PRINTED else ""
    return ", ".join(names[:NAMES_PRINTED]) + more
