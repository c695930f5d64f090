"""What runs the network for `predict`, `evaluate` and `stream`: a checkpoint, or an exported folder."""

from __future__ import annotations

import os

from paddle_tsm.export.targets import PRECISIONS
from paddle_tsm.inference.predictor import ENGINES, Predictor, engine_for
from paddle_tsm.inference.stream_predictor import StreamPredictor


def add_engine_options(parser, precisions=PRECISIONS) -> None:
    """Add --engine, --precision and --threads."""
    group = parser.add_argument_group("what runs the network")
    group.add_argument(
        "--engine",
        choices=ENGINES,
        help="(dygraph for a checkpoint in float32, what a folder was exported for); another one "
        "exports the checkpoint first, which takes some seconds",
    )
    if len(precisions) > 1:
        group.add_argument("--precision", default="float32", choices=precisions,
                           help="bfloat16: by Paddle Inference; int8: of a folder that was exported so (%(default)s)")  # fmt: skip
    group.add_argument("--threads", type=int, metavar="N", help="of a forward pass (a processor each)")


def exports_first(weights: str, args) -> bool:
    """Whether a checkpoint is exported before it runs."""
    return os.path.isfile(weights) and engine_for(args.engine, args.precision) != "dygraph"


def predictor_of(weights: str, args, options: dict, size: int | None = None):
    """The Predictor of a checkpoint or of an exported folder. size: height and width of its frames, which an export
    fixes.
    """
    options = {name: value for name, value in options.items() if value is not None}
    if exports_first(weights, args):
        options["size"] = size
    return Predictor(weights, args.threads, args.precision, args.engine, **options)


def stream_of(weights: str, args, options: dict, size: int):
    """The StreamPredictor of a causal checkpoint, or of a folder that holds one step. size: as for `predictor_of`."""
    options = {name: value for name, value in options.items() if value is not None}
    if os.path.isfile(weights) and args.engine not in (None, "dygraph"):
        options["size"] = size
    return StreamPredictor(weights, args.threads, args.engine, **options)
