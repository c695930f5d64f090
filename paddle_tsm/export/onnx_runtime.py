"""An exported network run by ONNX Runtime."""

from __future__ import annotations

import copy
import os

import numpy as np

from paddle_tsm import runtime
from paddle_tsm.export.io_spec import FIRST_INPUT
from paddle_tsm.terminal.extras import how_to_install


class OnnxRun:
    """The ONNX file `path`, written by `write_onnx` or quantised from one, on the CPU.

    `run(frames)` for a network of clips, `step(frame, cache)` for one streaming step. Any number of threads may call
    one object at once: ONNX Runtime's session keeps no state between calls. threads: those of one call; None: a
    processor each. Raises ValueError, in one line, for a file that is missing, damaged or not ours, and where
    onnxruntime is missing.
    """

    def __init__(self, path, threads: int | None = None):
        self.path = os.fspath(path)
        self.threads = runtime.processors() if threads is None else threads
        if isinstance(self.threads, bool) or not isinstance(self.threads, int) or self.threads < 1:
            raise ValueError(f"threads: got {threads!r}, wanted a whole number of at least 1")
        self._session = open_session(self.path, self.threads)
        inputs = {port.name: tuple(port.shape) for port in self._session.get_inputs()}
        self.outputs = tuple(port.name for port in self._session.get_outputs())
        self.properties = dict(self._session.get_modelmeta().custom_metadata_map)
        if next(iter(inputs), None) not in FIRST_INPUT.values() or "multiple" not in self.properties:
            names = f"{', '.join(inputs)} -> {', '.join(self.outputs)}"
            raise ValueError(f"{self.path}: an ONNX file of another network ({names}), wanted one of paddle-tsm export")
        self.inputs = {name: shape[1:] for name, shape in inputs.items()}
        self.streams = FIRST_INPUT["stream"] in inputs
        self.multiple = int(self.properties["multiple"])

    def clone(self) -> OnnxRun:
        """Another object for another thread; the session, and so the memory, is one."""
        return copy.copy(self)

    def run(self, frames: np.ndarray) -> np.ndarray:
        """frames: float [N*T, 3, H, W] -> logits float32 [N, K]. Raises ValueError for another shape."""
        if self.streams:
            raise ValueError(f"{self.path}: holds one step of a stream, wanted a network of clips; use step()")
        return self._run({FIRST_INPUT["clip"]: frames})[0]

    def step(self, frame: np.ndarray, cache=()) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """frame: float [N, 3, H, W], the next one of each of N streams; cache: what the step before returned, nothing
        for a first frame. Returns the logits, float32 [N, K], and the next cache. Raises ValueError for another shape.
        """
        if not self.streams:
            raise ValueError(f"{self.path}: holds a network of clips, wanted one step of a stream; use run()")
        first, *names = self.inputs
        cache = cache or [np.zeros((len(frame), *self.inputs[name]), "float32") for name in names]
        if len(cache) != len(names):
            raise ValueError(f"cache: got {len(cache)} tensors, wanted {len(names)}")
        logits, *cache = self._run({first: frame} | dict(zip(names, cache)))
        return logits, tuple(cache)

    def _run(self, feeds: dict) -> list[np.ndarray]:
        feeds = {name: np.ascontiguousarray(array, "float32") for name, array in feeds.items()}
        rows = next(iter(feeds.values())).shape[:1]
        for name, array in feeds.items():
            if array.shape != (*rows, *self.inputs[name]) or rows == (0,) or rows[0] % self.multiple:
                first = f"a multiple of {self.multiple}" if self.multiple > 1 else "N"
                wanted = ", ".join(map(str, (first, *self.inputs[name])))
                raise ValueError(f"{name}: got shape {list(array.shape)}, wanted [{wanted}]")
        return self._session.run(None, feeds)


def open_session(path: str, threads: int):
    """An onnxruntime.InferenceSession on the CPU. Raises ValueError, in one line."""
    try:
        import onnxruntime
    except ImportError:
        raise ValueError(f"onnxruntime not installed, wanted to run ONNX; {how_to_install('onnx')}") from None
    if not os.path.isfile(path):
        raise ValueError(f"{path}: no such file, wanted an ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal: what goes wrong is raised
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its classes have no base of their own
        said = str(error).splitlines()[0].rpartition(" : ")[2].replace(f"Load model from {path} failed:", "")[:200]
        raise ValueError(f"{path}: damaged, or no ONNX file (ONNX Runtime: {said})") from None
