"""Opening a checkpoint or an exported folder, for clips and for streams alike: either becomes one object that runs."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, cast

import numpy as np

from paddle_tsm.checkpoint.trained_file import trained_file
from paddle_tsm.export.open_files import open_files
from paddle_tsm.export.sidecar import Sidecar, read_sidecar
from paddle_tsm.export.targets import PRECISIONS, TARGETS, format_for
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option_checks import must_be_one_of, must_be_whole

EAGER = "dygraph"  # the model itself, operation by operation
ENGINES = (EAGER, *(name for name, target in TARGETS.items() if target.is_engine))
OF_EXPORT = ("size", "calibration", "root", "form", "source")  # options that only an export on the way takes
OTHER_KIND = {
    "clip": "holds one step of a stream; wanted an export of whole clips, or `paddle-tsm stream`",
    "stream": "holds a network of whole clips; wanted one that `paddle-tsm export --stream` wrote",
}


class Running(Protocol):
    """What runs a network: `run` for whole clips, `step` for a stream; see `export.runner.Runner`."""

    def run(self, frames: np.ndarray) -> np.ndarray: ...

    def step(self, frame: np.ndarray, cache: tuple) -> tuple[np.ndarray, tuple]: ...

    def clone(self) -> Running: ...


class KeptFolder:
    """A temporary folder that is removed with this object, at the latest when the program ends. name: its path."""

    def __init__(self) -> None:
        self.name = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, self.name, ignore_errors=True)


@dataclass(frozen=True)
class Opened:
    """A network that is ready to run. engine: one of ENGINES. input: how frames become what the network takes, and what
    its classes are called. sidecar: of an export, else None. folder: a temporary one that is removed with the last
    object that runs its files, else None.
    """

    engine: str
    network: Network
    input: NetworkInput
    runner: Running
    sidecar: Sidecar | None = None
    folder: KeptFolder | None = None

    def clone(self) -> Opened:
        """The same for another thread, with the same weights in the same memory."""
        return replace(self, runner=self.runner.clone())

    def check(self, frames: np.ndarray, count: str, multiple: int = 1) -> None:
        """Raise ValueError unless frames is [count, in_channels, H, W] with a multiple of `multiple` frames,
        which for an export have its size. count: the length of the first axis, as the message calls it.
        """
        size = None if self.sidecar is None else self.sidecar.pixels().test_size
        channels = self.network.in_channels
        shape, fits = frames.shape, frames.ndim == 4 and len(frames) > 0 and frames.shape[1] == channels
        if not fits or len(frames) % multiple or (size and shape[2:] != (size, size)):
            wanted = f"{size}, {size}" if size else "H, W"
            raise ValueError(f"input: got shape {list(shape)}, wanted [{count}, {channels}, {wanted}]")


AnyOpened = TypeVar("AnyOpened", bound="OpenedNetwork")


class OpenedNetwork:
    """What predictors of clips and of streams have in common.

    engine: what runs the network, one of ENGINES. network: its `Network`. input: how frames become what it takes
    (`data.presets.preset_of(input)`), and what its classes are called (`input.class_names`). sidecar: what tsm.json
    says of an export; None for a checkpoint that runs as a model.
    """

    def __init__(self, opened: Opened):
        self._opened = opened
        self.engine, self.network = opened.engine, opened.network
        self.input, self.sidecar = opened.input, opened.sidecar

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, in their order; () where the file records none."""
        return self.input.class_names

    def clone(self: AnyOpened) -> AnyOpened:
        """Another one, for another thread, with the same weights in the same memory."""
        other = object.__new__(type(self))
        OpenedNetwork.__init__(other, self._opened.clone())
        return other


def open_network(
    path: str | os.PathLike, kind: str, engine: str | None, precision: str, threads: int | None, options: dict
) -> Opened:
    """The network in a checkpoint or an exported folder. kind: "clip" or "stream"; the rest: see `Predictor`.

    Raises ValueError, in one line, for a path or a combination that does not exist.
    """
    path = trained_file(path)
    must_be_one_of("precision", precision, PRECISIONS)
    if engine is not None:
        must_be_one_of("engine", engine, ENGINES)
    if threads is not None:
        must_be_whole("threads", threads, 1)
    if os.path.isdir(path):
        return open_folder(path, kind, engine, precision, threads, options)
    engine = engine_for(engine, precision)
    if engine == EAGER:
        return open_checkpoint(path, kind, precision, threads, options)
    return open_exported(path, kind, engine, precision, threads, options)


def engine_for(engine: str | None, precision: str) -> str:
    """The engine that runs a checkpoint: the one that was asked for, else the first that has the precision."""
    return engine or (EAGER if precision == "float32" else format_for(precision))


def open_folder(path: str, kind: str, engine: str | None, precision: str, threads: int | None, options: dict) -> Opened:
    """An export, which has its engine, its precision and its options fixed."""
    sidecar = read_sidecar(path)
    if sidecar.kind != kind:
        raise ValueError(f"{path}: {OTHER_KIND[kind]}")
    if engine not in (None, sidecar.format):
        raise ValueError(f"{path}: is an export for {sidecar.format}, got engine {engine!r}")
    if options:
        raise ValueError(f"{path}: an export has its options fixed, got {', '.join(options)}")
    if precision not in ("float32", sidecar.precision):  # float32 is the argument's default and asks for nothing
        raise ValueError(f"{path}: was exported as {sidecar.precision}, got {precision}; export it anew as {precision}")
    runner = open_files(path, sidecar, threads)
    return Opened(sidecar.format, sidecar.network, sidecar.input, runner, sidecar)


def open_checkpoint(path: str, kind: str, precision: str, threads: int | None, options: dict) -> Opened:
    """A checkpoint as a model in Paddle."""
    if precision != "float32":
        raise ValueError(f"precision: got {precision!r} for the engine {EAGER!r}, wanted 'float32', or another engine")
    from paddle_tsm.runtime import import_paddle

    paddle = import_paddle()  # an exported folder may need no Paddle
    from paddle_tsm.inference.eager import EagerClips, EagerStream
    from paddle_tsm.layouts.network_file import read_network

    found = read_network(path, **options)
    runner = (EagerClips if kind == "clip" else EagerStream)(found)
    if threads is not None:
        paddle.base.core.set_num_threads(threads)
    return Opened(EAGER, runner.network, found.input.filled(), cast(Running, runner))


def open_exported(path: str, kind: str, engine: str, precision: str, threads: int | None, options: dict) -> Opened:
    """A checkpoint that is exported first, to a temporary folder, which is kept for as long as the network: Paddle
    Inference reads the program again for each clone.
    """
    from paddle_tsm.runtime import import_paddle

    import_paddle()
    from paddle_tsm.export.exporter import export_checkpoint

    of_network = {name: value for name, value in options.items() if name not in OF_EXPORT}
    of_export = {name: value for name, value in options.items() if name in OF_EXPORT}
    folder = KeptFolder()
    exported = os.path.join(folder.name, "exported")
    export_checkpoint(
        path, exported, engine, stream=kind == "stream", precision=precision, options=of_network, **of_export
    )
    return replace(open_folder(exported, kind, engine, precision, threads, {}), folder=folder)
