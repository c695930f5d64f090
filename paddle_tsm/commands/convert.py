"""`paddle-tsm convert`: write a checkpoint in another layout and format."""

from __future__ import annotations

import argparse
import time
from typing import Any

from paddle_tsm.commands.help_text import add_command
from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.commands.shared_options import add_key_options, add_layout_option, add_network_key, key_changes
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks.families import ARCHITECTURES


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "convert",
        "Write a checkpoint in another layout and format.",
        "SRC DST",
        (
            "Write the checkpoint SRC in another layout. The suffix of DST decides the format: .safetensors, "
            ".pdparams, or .pth, .pt and .pth.tar for PyTorch.",
            "Before DST takes its name, both networks run on a random clip in float64 and must agree. Folds of "
            "channels are exchanged where the two systems shift in opposite directions.",
        ),
        (
            "paddle-tsm convert tsm_r50_mmaction2.pth tsm_r50.safetensors",
            "paddle-tsm convert tsm_r50.safetensors tsm_r50_mit.pth.tar --to mit",
            "paddle-tsm convert ppTSM.pdparams pptsm.safetensors --num-segments 16",
            "paddle-tsm convert fork.pth fork.safetensors --rename head.fc=cls_head.fc_cls --ignore 'attn.*'",
            "paddle-tsm convert --matrix --arch tsm_resnet101",
        ),
    )
    parser.add_argument(
        "source",
        metavar="SRC",
        nargs="?",
        help="The checkpoint: PyTorch zip or legacy, safetensors, or .pdparams, which its content tells; or a folder "
        "that `paddle-tsm train` wrote.",
    )
    parser.add_argument("destination", metavar="DST", nargs="?", help="The file to write.")
    add_layout_option(parser, dest="from_layout")
    parser.add_argument(
        "--to",
        dest="to_layout",
        default="canonical",
        metavar="L",
        choices=tuple(LAYOUTS),
        help="The layout of DST, one of the same. Default: canonical, which has torchvision's names.",
    )
    add_network_key(parser, "SRC")
    add_key_options(parser)
    parser.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="Do not run the two networks. DST is still read back and compared.",
    )
    parser.add_argument("--allow-nan", action="store_true", help="Accept weights that are NaN or infinite.")
    parser.add_argument(
        "--fuse",
        action="store_true",
        help="Write the fused form, for inference: one convolution instead of the parallel branches of each "
        "re-parameterised convolution (MobileOne, PP-TSMv2).",
    )
    group = parser.add_argument_group("which layouts can become which")
    group.add_argument(
        "--matrix", action="store_true", help="Print a table of the conversions, with a reason where there is none."
    )
    group.add_argument(
        "--arch",
        metavar="A",
        choices=tuple(ARCHITECTURES),
        help="With --matrix: the network to convert, such as tsm_resnet101. Default: one that the layout has.",
    )
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.matrix:
        print_matrix(args.arch, {name: value for name, value in network_options(args).items() if value is not None})
        return 0
    if args.destination is None:
        raise ValueError("got no SRC and DST; wanted both, or --matrix")
    # imported here, so that `--help` and other commands do not load them
    from paddle_tsm.commands.messages import checkpoint_of, print_ignored_records
    from paddle_tsm.conversion.convert import convert
    from paddle_tsm.terminal.literal_text import status

    args.source = checkpoint_of("convert", args.source)
    print_ignored_records("convert", args.source)
    start = time.perf_counter()
    with status(f"converting {args.source}" + (" and running both networks" if args.verify else "")):
        done = convert(
            args.source,
            args.destination,
            args.from_layout,
            args.to_layout,
            args.allow_nan,
            args.verify,
            args.network,
            fuse=args.fuse,
            **key_changes(args),
            **network_options(args),
        )
    print_conversion(done, args.verify, time.perf_counter() - start)
    return 0


def print_conversion(done, verify: bool, seconds: float) -> None:
    """Print what was converted, and how it was proven. done: what `convert` returned."""
    from paddle_tsm.terminal.literal_text import literal

    network, plan, source = done.plan.network, done.plan, done.source
    values = sum(array.size for array in plan.tensors.values())
    print(
        f"{literal(done.destination)}: {network.arch}, {network.num_classes} classes, {len(plan.tensors)} tensors, "
        f"{values / 1e6:.1f} million values, {source.layout.name} -> {plan.layout.name} ({plan.kind}), {seconds:.1f} s"
    )
    for line in source.notes():
        print(literal(f"{source.checkpoint.path}: {line}"))
    if done.difference is not None:
        print(
            "verified: both networks run on a random clip in float64, and their logits differ by at most "
            f"{done.difference:.1e} of the largest"
        )
    elif verify:
        print("not proven: the source has NaN or infinite weights or results; each tensor reads back as it was meant")


def print_matrix(arch: str | None, options: dict[str, Any]) -> None:
    """Print the table of conversions, and below it each reason once.

    Raises ValueError where no layout has the network.
    """
    from rich import box
    from rich.table import Table

    from paddle_tsm.conversion.matrix import matrix, source_network
    from paddle_tsm.terminal.literal_text import as_text, plain_console

    console = plain_console()
    kinds = matrix(arch, options)
    if not kinds:
        raise ValueError(f"no layout has {arch} with {options}")
    table = Table(title="from (down) to (across)", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for name in LAYOUTS:
        table.add_column(name, overflow="fold")
    reasons: dict[str, str] = {}
    for source in dict.fromkeys(source for source, _ in kinds):
        cells = []
        for target in LAYOUTS:
            kind = kinds[source, target]
            if kind.startswith("cannot: "):
                number = reasons.setdefault(kind.removeprefix("cannot: "), str(len(reasons) + 1))
                cells.append(as_text(f"cannot {number}", "red"))
            else:
                cells.append(kind if kind == "exact" else as_text(kind, "yellow"))
        table.add_row(f"{source} ({source_network(LAYOUTS[source], arch, **options).arch})", *cells)
    console.print(table)
    for reason, number in reasons.items():
        console.print(f"cannot {number}: {reason}", highlight=False, soft_wrap=True)
