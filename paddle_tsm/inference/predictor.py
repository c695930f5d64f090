"""One object that runs a network, whatever it was saved as: a checkpoint, or an export for Paddle Inference or ONNX."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paddle_tsm.export.open_files import open_files
from paddle_tsm.export.sidecar import Sidecar, read_sidecar
from paddle_tsm.export.targets import FORMATS, PRECISIONS, format_for
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option_checks import must_be_one_of, must_be_whole

ENGINES = ("dygraph", *FORMATS)


@dataclass(frozen=True)
class Opened:
    """A network ready to run. run: views [N*T, 3, H, W] -> logits [N, K]; clone: the same for another thread; input:
    how clips become such views, and what the classes are called.
    """

    engine: str
    network: Network
    run: Callable
    clone: Callable
    input: NetworkInput
    sidecar: Sidecar | None = None


class Predictor:
    """`Predictor(path)(x)`: x, float32 [N*T, 3, H, W] with the frames of a clip adjacent, to logits, float32 [N,
    classes].

    path: a checkpoint of any layout, or a folder that `paddle-tsm export` wrote. engine: of ENGINES; None: "dygraph"
    for a checkpoint in float32, the one that has the precision, and what it is for a folder. A checkpoint with another
    engine is exported to a temporary folder first. threads: of one forward pass (as many as processors). precision:
    "float32"; "bfloat16", by Paddle Inference; "int8", by ONNX Runtime; a folder's is that of its export. options:
    those of `load_model`, for a checkpoint; with another engine than dygraph `size`, its frames' height and width, if
    not what the file records; for int8 `calibration`, `root`, `form` and `source` (see `export`).

    `predictor.input` says how clips become x (`data.presets.preset_of(input)`) and what the classes are called
    (`input.class_names`). A Predictor is for one thread at a time; `clone()` gives another one that shares its weights.
    Raises ValueError, in one line, for a path or a combination that is not there.
    """

    def __init__(
        self, path, threads: int | None = None, precision: str = "float32", engine: str | None = None, **options
    ):
        must_be_one_of("precision", precision, PRECISIONS)
        if engine is not None:
            must_be_one_of("engine", engine, ENGINES)
        if threads is not None:
            must_be_whole("threads", threads, 1)
        self._use(open_path(os.fspath(path), threads, precision, engine, options))

    def _use(self, opened: Opened) -> None:
        self._opened = opened
        self.engine, self.network, self.sidecar, self.input = (
            opened.engine,
            opened.network,
            opened.sidecar,
            opened.input,
        )

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Logits of the clips in x. Raises ValueError for another number of axes, channels or frames, and for another
        height or width than an export's.
        """
        check_frames(x, self.sidecar, f"N*{self.network.num_segments}", self.network.num_segments)
        return self._opened.run(np.ascontiguousarray(x, "float32"))

    def clone(self) -> Predictor:
        """Another one, for another thread, with the same weights in the same memory."""
        other = object.__new__(type(self))
        other._use(self._opened.clone())
        return other


def check_frames(x: np.ndarray, sidecar: Sidecar | None, count: str, multiple: int = 1) -> None:
    """Raise ValueError unless x is [count, 3, H, W]: `multiple` frames, or several times as many, of the size of an
    export.
    """
    size = None if sidecar is None else sidecar.pixels().test_size
    if x.ndim != 4 or x.shape[1] != 3 or len(x) == 0 or len(x) % multiple or (size and x.shape[2:] != (size, size)):
        raise ValueError(
            f"input: got shape {list(x.shape)}, wanted [{count}, 3, {f'{size}, {size}' if size else 'H, W'}]"
        )


def open_path(path: str, threads: int | None, precision: str, engine: str | None, options: dict) -> Opened:
    """The network in a checkpoint or a folder."""
    if not os.path.isdir(path):
        if engine_for(engine, precision) == "dygraph":
            return open_checkpoint(path, threads, precision, options)
        return open_exported(path, threads, precision, engine_for(engine, precision), options)
    sidecar = read_sidecar(path)
    if sidecar.kind != "clip":
        raise ValueError(f"{path}: holds one step of a stream; wanted an export of whole clips, or `paddle-tsm stream`")
    if engine not in (None, sidecar.format):
        raise ValueError(f"{path}: is an export for {sidecar.format}, got engine {engine!r}")
    if options:
        raise ValueError(f"{path}: an export has its options fixed, got {', '.join(options)}")
    if precision not in ("float32", sidecar.precision):  # float32 is the argument's default: the folder's own
        raise ValueError(f"{path}: was exported as {sidecar.precision}, got {precision}; export it anew as {precision}")
    return open_folder(path, sidecar, threads)


def engine_for(engine: str | None, precision: str) -> str:
    """The engine that runs a checkpoint: the one that was asked for, else the first that has the precision."""
    return engine or ("dygraph" if precision == "float32" else format_for(precision))


def open_checkpoint(path: str, threads: int | None, precision: str, options: dict) -> Opened:
    """As a Paddle layer. Eager operations of several threads share nothing but the weights, which only are read."""
    from paddle_tsm.runtime import import_paddle

    paddle = import_paddle()
    from paddle_tsm.evaluation.paddle_run import run_of
    from paddle_tsm.layouts.network_file import read_network
    from paddle_tsm.models.create import build
    from paddle_tsm.models.load import assign_weights

    if precision != "float32":
        raise ValueError(f"precision: got {precision!r} for the engine 'dygraph', wanted 'float32', or another engine")
    found = read_network(path, **options)
    network, tensors = found.as_asked()
    model = assign_weights(build(network), tensors)
    model.eval()
    if threads is not None:
        paddle.base.core.set_num_threads(threads)
    opened = Opened("dygraph", network, run_of(model), lambda: opened, found.input.filled())
    return opened


def open_folder(path: str, sidecar: Sidecar, threads: int | None) -> Opened:
    """An export."""
    return opened_run(sidecar, open_files(path, sidecar, threads))


def opened_run(sidecar: Sidecar, run) -> Opened:
    """What an engine's own object is here."""
    return Opened(
        sidecar.format, sidecar.network, run.run, lambda: opened_run(sidecar, run.clone()), sidecar.input, sidecar
    )


def open_exported(path: str, threads: int | None, precision: str, engine: str, options: dict) -> Opened:
    """A checkpoint, exported to a folder that is gone again when the engine has read it."""
    from paddle_tsm.runtime import import_paddle

    import_paddle()
    from paddle_tsm.export.exporter import export

    options = dict(options)
    of_export = {
        name: options.pop(name) for name in ("size", "calibration", "root", "form", "source") if name in options
    }
    with tempfile.TemporaryDirectory() as folder:
        exported = os.path.join(folder, "exported")
        sidecar, _ = export(path, exported, engine, precision=precision, options=options, **of_export)
        return open_folder(exported, sidecar, threads)
