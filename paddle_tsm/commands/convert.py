"""`paddle-tsm convert`: a checkpoint in another layout and format."""

import argparse
import time

from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks.families import ARCHITECTURES


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "convert",
        help="a checkpoint in another layout and format",
        description="Write a checkpoint in another layout. The format follows the suffix of DST: .safetensors, .pdparams, .pth.",
        epilog="examples:\n  paddle-tsm convert tsm_r50_mmaction2.pth tsm_r50.safetensors\n"
        "  paddle-tsm convert ppTSM.pdparams pptsm.safetensors --num-segments 16\n"
        "  paddle-tsm convert --matrix --arch tsm_resnet101",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source", metavar="SRC", nargs="?", help="PyTorch (.pth, zip or legacy), safetensors or .pdparams"
    )
    parser.add_argument("destination", metavar="DST", nargs="?")
    parser.add_argument(
        "--from", dest="from_layout", default="auto", choices=("auto", *LAYOUTS), help="(auto: read off the keys)"
    )
    parser.add_argument("--to", dest="to_layout", default="canonical", choices=tuple(LAYOUTS), help="(canonical)")
    parser.add_argument(
        "--network", metavar="KEY", help="which of several networks in SRC, as EMA beside the trained one"
    )
    parser.add_argument(
        "--no-verify", dest="verify", action="store_false", help="do not run both networks before DST takes its name"
    )
    parser.add_argument("--allow-nan", action="store_true", help="go on where weights are NaN or infinite")
    parser.add_argument("--matrix", action="store_true", help="print which layout can become which, and why not")
    parser.add_argument("--arch", choices=tuple(ARCHITECTURES), help="with --matrix: the network (each layout's own)")
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    if args.matrix:
        from paddle_tsm.conversion.matrix import print_matrix

        print_matrix(args.arch, {name: value for name, value in network_options(args).items() if value is not None})
        return 0
    if args.destination is None:
        raise ValueError("got no SRC and DST; wanted both, or --matrix")
    from paddle_tsm.commands.recorded_input import say_unbelieved
    from paddle_tsm.conversion.convert import convert
    from paddle_tsm.terminal.literal_text import literal, status

    say_unbelieved("convert", args.source)
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
            **network_options(args),
        )
    network, plan = done.plan.network, done.plan
    values = sum(array.size for array in plan.tensors.values())
    print(
        f"{literal(done.destination)}: {network.arch}, {network.num_classes} classes, {len(plan.tensors)} tensors, "
        f"{values / 1e6:.1f} million values, {done.source.layout.name} -> {plan.layout.name} ({plan.kind}), "
        f"{time.perf_counter() - start:.1f} s"
    )
    for line in done.source.named.notes():
        print(f"{args.source}: {line}")
    if args.verify and done.difference is None:
        print("not proven: the source has NaN or infinite weights or results; each tensor reads back as it was meant")
    if done.difference is not None:
        print(
            f"both networks run on a random clip in float64: largest difference of the logits {done.difference:.1e} of the largest"
        )
    return 0
