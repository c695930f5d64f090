"""One object that runs a causal network a frame at a time: a checkpoint, or a step exported for Paddle Inference or
ONNX.
"""

from __future__ import annotations

import os
import tempfile
from threading import Lock

import numpy as np

from paddle_tsm.export.open_files import open_files
from paddle_tsm.export.sidecar import read_sidecar
from paddle_tsm.inference.predictor import ENGINES, check_frames
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.networks.option_checks import must_be_one_of, must_be_whole


class StreamPredictor:
    """`StreamPredictor(path).step(frame)` for one frame after the other, `reset()` for a new video.

    path: a checkpoint of a causal network, or a folder that `paddle-tsm export --stream` wrote. engine: of ENGINES;
    None: "dygraph" for a checkpoint, what it is for a folder. A checkpoint with another engine is exported to a
    temporary folder first. threads: of one step (as many as processors). options: those of `load_stream`, for a
    checkpoint, and `size`, its frames' height and width, with another engine than dygraph, if not what the file
    records. `input` says how frames become what `step` takes, and what the classes are called.

    One object is for one thread and one video at a time; `clone()` gives another one that shares its weights and
    remembers nothing. Raises ValueError, in one line, for a path or a combination that is not there.
    """

    def __init__(self, path, threads: int | None = None, engine: str | None = None, **options):
        if engine is not None:
            must_be_one_of("engine", engine, ENGINES)
        if threads is not None:
            must_be_whole("threads", threads, 1)
        path = os.fspath(path)
        if os.path.isdir(path):
            if options:
                raise ValueError(f"{path}: an export has its options fixed, got {', '.join(options)}")
            self._use(*open_step(path, engine, threads))
        elif engine in (None, "dygraph"):
            self._use(*open_checkpoint(path, threads, options))
        else:
            self._use(*open_exported(path, engine, threads, options))

    def _use(self, engine: str, network, taken: NetworkInput, sidecar, run) -> None:
        self.engine, self.network, self.input, self.sidecar, self._run = engine, network, taken, sidecar, run
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next frame is a first one."""
        self._shape, self._cache = None, ()

    def step(self, frame: np.ndarray) -> np.ndarray:
        """frame: float [N, 3, H, W], the next one of each of N streams. Returns its logits, float32 [N, classes].

        Raises ValueError for another shape than that, or than the frame's before.
        """
        check_frames(frame, self.sidecar, "N")
        if self._shape not in (None, frame.shape):
            raise ValueError(
                f"frame: got shape {list(frame.shape)} after {list(self._shape)}; reset() before another video"
            )
        logits, self._cache = self._run.step(np.ascontiguousarray(frame, "float32"), self._cache)
        self._shape = frame.shape
        return logits

    def clone(self) -> StreamPredictor:
        """Another one, for another thread or video, with the same weights in the same memory."""
        other = object.__new__(type(self))
        other._use(self.engine, self.network, self.input, self.sidecar, self._run.clone())
        return other


class LayerStep:
    """A StreamStep in Paddle. It holds the cache while it runs, so clones, which are one object, take turns."""

    def __init__(self, step):
        self._step, self._turn = step, Lock()

    def step(self, frame: np.ndarray, cache: tuple) -> tuple[np.ndarray, tuple]:
        import paddle

        with self._turn, paddle.no_grad():
            logits, *cache = self._step(paddle.to_tensor(frame), *cache)
            return logits.numpy(), tuple(cache)

    def clone(self) -> LayerStep:
        return self


class ExportedStep:
    """An export's step. run: PaddleInferenceRun or OnnxRun; shapes: of the cache, without N."""

    def __init__(self, run, shapes: tuple):
        self._run, self._shapes = run, shapes

    def step(self, frame: np.ndarray, cache: tuple) -> tuple[np.ndarray, tuple]:
        return self._run.step(frame, cache or [np.zeros((len(frame), *shape), "float32") for shape in self._shapes])

    def clone(self) -> ExportedStep:
        return ExportedStep(self._run.clone(), self._shapes)


def open_checkpoint(path: str, threads: int | None, options: dict):
    """What `_use` takes, of a checkpoint."""
    from paddle_tsm.runtime import import_paddle

    paddle = import_paddle()
    from paddle_tsm.layouts.network_file import read_network
    from paddle_tsm.models.stream import step_of

    found = read_network(path, **options)
    step = step_of(found)
    if threads is not None:
        paddle.base.core.set_num_threads(threads)
    return "dygraph", step.network, found.input.filled(), None, LayerStep(step)


def open_step(path: str, engine: str | None, threads: int | None):
    """The same of a folder."""
    sidecar = read_sidecar(path)
    if sidecar.kind != "stream":
        raise ValueError(f"{path}: holds a network of whole clips; wanted one that `paddle-tsm export --stream` wrote")
    if engine not in (None, sidecar.format):
        raise ValueError(f"{path}: is an export for {sidecar.format}, got engine {engine!r}")
    return (
        sidecar.format,
        sidecar.network,
        sidecar.input,
        sidecar,
        ExportedStep(open_files(path, sidecar, threads), sidecar.cache),
    )


def open_exported(path: str, engine: str, threads: int | None, options: dict):
    """The same of a checkpoint that is exported first, to a folder that is gone again when the engine has read it."""
    from paddle_tsm.runtime import import_paddle

    import_paddle()
    from paddle_tsm.export.exporter import export

    options = dict(options)
    size = options.pop("size", None)
    with tempfile.TemporaryDirectory() as folder:
        exported = os.path.join(folder, "exported")
        export(path, exported, engine, stream=True, size=size, options=options)
        return open_step(exported, engine, threads)
