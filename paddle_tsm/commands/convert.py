"""`paddle-tsm convert`: a checkpoint in another layout and format."""

import argparse
import time

from paddle_tsm.commands.network_options import add_network_options, network_options
from paddle_tsm.layouts.resnet_layouts import LAYOUTS


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "convert",
        help="a checkpoint in another layout and format",
        description="Write a checkpoint in another layout. The format follows the suffix of DST: .safetensors, .pdparams, .pth.",
        epilog="examples: paddle-tsm convert tsm_r50_mmaction2.pth tsm_r50.safetensors; "
        "paddle-tsm convert tsm_r50.safetensors tsm_r50_mit.pth.tar --to mit",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SRC", help="PyTorch (.pth, zip or legacy), safetensors or .pdparams")
    parser.add_argument("destination", metavar="DST")
    parser.add_argument("--from", dest="from_layout", default="auto", choices=("auto", *LAYOUTS), help="(auto: read off the keys)")
    parser.add_argument("--to", dest="to_layout", default="canonical", choices=tuple(LAYOUTS), help="(canonical)")
    parser.add_argument("--allow-nan", action="store_true", help="go on where weights are NaN or infinite")
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from paddle_tsm.convert import convert

    start = time.perf_counter()
    done = convert(args.source, args.destination, args.from_layout, args.to_layout, args.allow_nan, **network_options(args))
    values = sum(array.size for array in done.tensors.values())
    network = done.source.network
    print(
        f"{done.destination}: {network.arch}, {network.num_classes} classes, {len(done.tensors)} tensors, "
        f"{values / 1e6:.1f} million values, {done.source.layout.name} -> {done.layout.name}, "
        f"{time.perf_counter() - start:.1f} s"
    )
    return 0
