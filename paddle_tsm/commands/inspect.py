"""`paddle-tsm inspect`: what a checkpoint file says, and what it cannot say."""

from __future__ import annotations

import argparse
import json
import sys

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import add_key_options, add_layout_option, add_network_key, key_changes

NAMES_PRINTED = 12  # class names in the table; --json has all of them
KEYS_PRINTED = 6  # keys of each kind of difference; --json has all of them


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
            "Of a file that is no known network, print its tensors, the nearest network, what differs, and the flags "
            "of convert that would make it load. The exit code is then 2.",
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
    from paddle_tsm.checkpoint import CheckpointError
    from paddle_tsm.commands.messages import checkpoint_of
    from paddle_tsm.layouts.description import describe
    from paddle_tsm.layouts.network_file import read_network
    from paddle_tsm.layouts.unknown_network import describe_unknown
    from paddle_tsm.terminal.literal_text import literal

    given = {name: value for name, value in network_options(args).items() if value is not None}
    file = checkpoint_of("inspect", args.file)
    reading = {"layout": args.layout, "network": args.network, **key_changes(args)}
    try:
        found = read_network(file, allow_nan=True, **reading, **given)
    except CheckpointError as error:
        unknown = describe_unknown(file, **reading)
        if unknown is None:
            raise
        if args.json:
            print(json.dumps({"error": str(error)} | unknown, indent=2))
        else:
            print_unknown(unknown)
        sys.stdout.flush()  # the error stands below it
        print(f"paddle-tsm inspect: error: {literal(str(error))}", file=sys.stderr)
        return 2
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


def print_unknown(description: dict) -> None:
    """Print what `describe_unknown` returned: a table of two columns, and one of the tensors."""
    from rich import box
    from rich.table import Table

    from paddle_tsm.layouts.folded_keys import folded_keys
    from paddle_tsm.terminal.literal_text import as_text, literal, plain_console

    table = Table(box=box.SIMPLE_HEAD, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name in ("file", "format", "network at"):
        table.add_row(name, as_text(description[name]))
    table.add_row("tensors", as_text(len(description["tensors"])))
    for name, text in differences(description["nearest"]):
        table.add_row(name, as_text(text))
    if description["why not"]:
        table.add_row("no flag helps", as_text(description["why not"], "yellow"))
    for remark in description["remarks"]:
        table.add_row("but", as_text(remark, "yellow"))
    tensors = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    tensors.add_column("tensor", overflow="fold")
    tensors.add_column("shape", no_wrap=True)
    tensors.add_column("dtype", no_wrap=True)
    for key, shape, dtype in folded_keys(description["tensors"]):
        tensors.add_row(as_text(key), str(list(shape)), dtype)
    for part in (tensors, table):  # what matters stands last, where a terminal shows it
        plain_console().print(part)
    if description["loads with"]:
        print(f"it loads with: {literal(description['loads with'])}")  # outside a table, where it can be copied


def differences(nearest: dict | None) -> list[tuple[str, str]]:
    """(name, text) of each row about the nearest network."""
    if nearest is None:
        return [("nearest", "no known network shares a fifth of its keys")]
    rows = [("nearest", f"{nearest['architecture']} in the {nearest['layout']} layout")]
    if nearest["prefix"]:
        rows.append(("prefix", f"{nearest['prefix']} in front of its keys"))
    rows.append(("fit", f"{nearest['fits']} tensors"))
    for kind in ("missing", "unexpected"):
        if nearest[kind]:
            rows.append((kind, f"{len(nearest[kind])}: {first_names(list(nearest[kind]), KEYS_PRINTED)}"))
    wrong = [f"{key} {list(s['found'])}, wanted {list(s['wanted'])}" for key, s in nearest["misshapen"].items()]
    if wrong:
        rows.append(("misshapen", f"{len(wrong)}: {first_names(wrong, KEYS_PRINTED // 2)}"))
    return rows


def first_names(names: list[str], count: int = NAMES_PRINTED) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
