"""`paddle-tsm inspect`: what a checkpoint file says, and what it cannot say."""

import json

from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.layouts.registry import LAYOUTS

NAMES_SHOWN = 12  # of the classes; --json has all


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "inspect",
        help="layout, architecture, options of a checkpoint, and what cannot be known from it",
        description="Print a checkpoint's layout, architecture, classes, dtype, size, and the options of its network: those "
        "that its keys say, and those that they cannot, with the value assumed and why.",
        epilog="example: paddle-tsm inspect tsm_r50_mmaction2.pth --json",
    )
    parser.add_argument("file", metavar="FILE")
    parser.add_argument(
        "--from", dest="layout", default="auto", choices=("auto", *LAYOUTS), help="(auto: read off the keys)"
    )
    parser.add_argument("--network", metavar="KEY", help="which of several networks in the file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from paddle_tsm.layouts.description import describe
    from paddle_tsm.layouts.network_file import read_network

    given = {name: value for name, value in network_options(args).items() if value is not None}
    found = read_network(args.file, layout=args.layout, allow_nan=True, network=args.network, **given)
    description = describe(found, given)
    if args.json:
        print(json.dumps(description, indent=2))
    else:
        print_description(description)
    return 0


def print_description(description: dict) -> None:
    """Print what `describe` found as a table of two columns."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from paddle_tsm.terminal.literal_text import as_text, literal, plain_console

    table = Table(box=box.SIMPLE_HEAD, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name in ("file", "format", "network at", "layout", "architecture", "classes", "dtype", "tensors"):
        table.add_row(name, as_text(description[name]))
    for note in description["keys"]:
        table.add_row("keys", as_text(note))
    if description["beside it"]:
        table.add_row("beside it", as_text(", ".join(description["beside it"])))
    table.add_row("parameters", f"{description['parameters'] / 1e6:.2f} million")
    table.add_row("FLOPs", f"{description['flops'] / 1e9:.2f} G ({description['flops of']})")
    for name, value in description["read"].items():
        table.add_row(name, Text.assemble(literal(value), "   ", ("read off the keys", "green")))
    for name, entry in description["assumed"].items():
        table.add_row(name, Text.assemble(literal(entry["value"]), "   ", (literal(entry["why"]), "yellow")))
    for name, entry in description["input"].items():
        value = entry["value"]
        if name == "class_names":
            more = f" and {len(value) - NAMES_SHOWN} more" if len(value) > NAMES_SHOWN else ""
            name, value = "class names", ", ".join(value[:NAMES_SHOWN]) + more
        table.add_row(name, Text.assemble(literal(value), "   ", (literal(entry["why"]), "yellow")))
    if description["not believed"]:
        table.add_row("not believed", as_text(description["not believed"]))
    plain_console().print(table)
