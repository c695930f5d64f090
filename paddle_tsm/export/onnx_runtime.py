"""An exported network run by ONNX Runtime."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from paddle_tsm import runtime
from paddle_tsm.export.io_spec import FIRST_INPUT
from paddle_tsm.export.runner import Runner
from paddle_tsm.networks.option_checks import must_be_whole
from paddle_tsm.terminal.extras import how_to_install

if TYPE_CHECKING:
    import onnxruntime


class OnnxRun(Runner):
    """The ONNX file `path`, which `write_onnx` or `quantise` wrote, on the CPU; see `Runner`.

    Any number of threads may call one object at once, because ONNX Runtime's session keeps no state between calls.
    Clones share the session. threads: those of one call; None: as many as processors. Raises ValueError, in one line,
    for a file that is missing, damaged or not of paddle-tsm, and where onnxruntime is not installed.
    """

    def __init__(self, path: str | os.PathLike, threads: int | None = None):
        self.path = os.fspath(path)
        self.threads = runtime.processors() if threads is None else threads
        must_be_whole("threads", self.threads, 1)
        self._session = open_session(self.path, self.threads)
        inputs = {value.name: tuple(value.shape) for value in self._session.get_inputs()}
        self.outputs = tuple(value.name for value in self._session.get_outputs())
        self.properties = dict(self._session.get_modelmeta().custom_metadata_map)
        if next(iter(inputs), None) not in FIRST_INPUT.values() or "multiple" not in self.properties:
            names = f"{', '.join(inputs)} -> {', '.join(self.outputs)}"
            raise ValueError(f"{self.path}: an ONNX file of another network ({names}), wanted one of paddle-tsm export")
        self.inputs = {name: shape[1:] for name, shape in inputs.items()}
        self.multiple = int(self.properties["multiple"])

    def compute(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        return self._session.run(None, dict(zip(self.inputs, arrays)))


def open_session(path: str, threads: int) -> onnxruntime.InferenceSession:
    """ONNX Runtime's session of the file, on the CPU. Raises ValueError, in one line, where there can be none."""
    try:
        import onnxruntime
    except ImportError:
        raise ValueError(f"onnxruntime not installed, wanted to run ONNX; {how_to_install('onnx')}") from None
    if not os.path.isfile(path):
        raise ValueError(f"{path}: no such file, wanted an ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal only: what goes wrong is raised
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no base class of their own
        said = str(error).splitlines()[0].rpartition(" : ")[2].replace(f"Load model from {path} failed:", "")[:200]
        raise ValueError(f"{path}: damaged, or no ONNX file (ONNX Runtime: {said})") from None
