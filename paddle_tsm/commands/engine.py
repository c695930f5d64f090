"""What runs the network for `predict`, `evaluate` and `stream`: a checkpoint, or an exported folder."""

from __future__ import annotations

import os

from paddle_tsm.export.sidecar import PRECISIONS
from paddle_tsm.predictor import ENGINES, Predictor, engine_for


def add_engine_options(parser) -> None:
    """Add --engine, --precision and --threads."""
    group = parser.add_argument_group("what runs the network")
    group.add_argument(
        "--engine", choices=ENGINES, help="(dygraph for a checkpoint in float32, what a folder was exported for); another one "
        "exports the checkpoint first, which takes some seconds",
    )
    group.add_argument("--precision", default="float32", choices=PRECISIONS,
                       help="bfloat16: by Paddle Inference; int8: of a folder that was exported so (%(default)s)")  # fmt: skip
    group.add_argument("--threads", type=int, metavar="N", help="of a forward pass (a processor each)")


def exports_first(weights: str, args) -> bool:
    """Whether a checkpoint is exported before it runs."""
    return os.path.isfile(weights) and engine_for(args.engine, args.precision) != "dygraph"


def predictor_of(weights: str, args, options: dict, size: int | None = None):
    """The Predictor of a checkpoint or of an exported folder. size: height and width of its frames, which an export fixes."""
    options = {name: value for name, value in options.items() if value is not None}
    if exports_first(weights, args):
        options["size"] = size
    return Predictor(weights, args.threads, args.precision, args.engine, **options)


def stream_of(weights: str, options: dict, threads: int | None = None):
    """(the Network, its Sidecar or None, a function from the next frame [1, 3, H, W] to its logits [1, K], both NumPy) of a
    causal checkpoint, or of a folder that holds one step."""
    from paddle_tsm.runtime import import_paddle

    paddle = import_paddle()
    if os.path.isdir(weights):
        return exported_stream(weights, threads)
    from paddle_tsm.stream import load_stream

    stream = load_stream(weights, **options)
    return stream.network, None, lambda frame: stream.step(paddle.to_tensor(frame)).numpy()


def exported_stream(folder: str, threads: int | None):
    """The same of an export; the cache is kept here."""
    import numpy as np

    from paddle_tsm.export.export import open_files
    from paddle_tsm.export.sidecar import read_sidecar

    sidecar = read_sidecar(folder)
    if sidecar.kind != "stream":
        raise ValueError(f"{folder}: holds a network of whole clips; wanted one that `paddle-tsm export --stream` wrote")
    run, cache = open_files(folder, sidecar, threads), [np.zeros((1, *shape), "float32") for shape in sidecar.cache]

    def step(frame):
        logits, cache[:] = run.step(frame, cache)
        return logits

    return sidecar.network, sidecar, step
