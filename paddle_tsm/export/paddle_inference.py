"""An exported network run by Paddle Inference, with oneDNN."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator
from threading import Lock
from typing import Any

import numpy as np

from paddle_tsm import runtime
from paddle_tsm.export.paddle_program import read_program
from paddle_tsm.export.runner import Runner
from paddle_tsm.export.targets import TARGETS
from paddle_tsm.networks.option_checks import must_be_one_of
from paddle_tsm.terminal.left_out_line import left_out

CHATTER = (
    b"ReduceMeanCheckIfOneDNNSupport"  # Paddle writes it to stdout at a predictor's first run; no log level hides it
)

FLAG = "FLAGS_eager_delete_tensor_gb"
FLAG_IN_USE = Lock()  # it is of the whole process, and clones may run for the first time at once
NEVER = -1.0  # the setting with which a predictor keeps its tensors for its next run
CLIPS = 2**-5  # GB; a step of a stream keeps about 50 MB a stream, and clips would keep twenty times as much


class PaddleInferenceRun(Runner):
    """The static graph PREFIX.json and PREFIX.pdiparams on the CPU; see `Runner`.

    threads: those of one call; None: as many as processors. precision: with "bfloat16" oneDNN computes in that type;
    the inputs and outputs stay float32. One object is for one thread at a time. Raises ValueError, in one line, for
    files that are missing or damaged.
    """

    def __init__(self, prefix: str | os.PathLike, threads: int | None = None, precision: str = "float32"):
        self.path = os.fspath(prefix)
        for suffix in (".json", ".pdiparams"):
            if not os.path.isfile(self.path + suffix):
                raise ValueError(f"{self.path}{suffix}: no such file; wanted one that `paddle-tsm export` wrote")
        must_be_one_of("precision", precision, TARGETS["paddle-inference"].precisions)
        program = read_program(f"{self.path}.json")
        self.multiple = program.multiple
        self._open(make_predictor(self.path, runtime.processors() if threads is None else threads, precision))
        self.inputs = {name: program.inputs[name] for name in self._predictor.get_input_names()}

    def _open(self, predictor: Any) -> None:
        """Take the handles of the predictor's inputs and outputs."""
        self._predictor, self._has_run = predictor, False
        self.outputs = tuple(predictor.get_output_names())
        self._inputs = [predictor.get_input_handle(name) for name in predictor.get_input_names()]
        self._outputs = [predictor.get_output_handle(name) for name in self.outputs]

    def clone(self) -> PaddleInferenceRun:
        other = copy.copy(self)
        other._open(self._predictor.clone())
        return other

    def compute(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        for handle, array in zip(self._inputs, arrays, strict=True):
            handle.copy_from_cpu(array)
        if self._has_run:
            self._predictor.run()
        else:
            with left_out(CHATTER), garbage_kept(NEVER if self.streams else CLIPS):
                self._predictor.run()
        self._has_run = True
        return [handle.copy_to_cpu() for handle in self._outputs]


@contextlib.contextmanager
def garbage_kept(gigabytes: float) -> Iterator[None]:
    """Let a predictor that runs for the first time inside the block free its tensors so many gigabytes at a time.

    By default Paddle hands each tensor, once it is of no more use, to a thread that waits busily for the next one. That
    wakes a thread for each operator, and takes a processor from the threads that compute: now and then a step of a
    stream takes many times as long. A predictor reads the setting when it runs for the first time. What the user has
    set stays (paddle/fluid/framework/new_executor/garbage_collector/event_garbage_collector.cc, release 3.3).
    """
    import paddle

    with FLAG_IN_USE:
        before = paddle.get_flags([FLAG])
        if before[FLAG] == 0.0:
            paddle.set_flags({FLAG: gigabytes})
        try:
            yield
        finally:
            paddle.set_flags(before)


def make_predictor(prefix: str, threads: int, precision: str) -> Any:
    """The paddle.inference.Predictor of the files. Raises ValueError, in one line, for files that it cannot read."""
    runtime.import_paddle()  # before the first other import of Paddle
    from paddle.inference import Config, create_predictor

    config = Config(f"{prefix}.json", f"{prefix}.pdiparams")
    config.disable_gpu()
    config.disable_glog_info()
    config.enable_mkldnn()
    if precision == "bfloat16":
        config.enable_mkldnn_bfloat16()
    config.set_cpu_math_library_num_threads(threads)
    try:
        return create_predictor(config)
    except Exception as error:  # Paddle raises a C++ exception of any class
        said = " ".join(str(error).split())[-200:]
        raise ValueError(f"{prefix}: damaged, or not made by `paddle-tsm export` (Paddle: {said})") from None
