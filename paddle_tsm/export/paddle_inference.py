"""An exported network run by Paddle Inference, with oneDNN."""

from __future__ import annotations

import os

import numpy as np

from paddle_tsm import runtime
from paddle_tsm.export.targets import TARGETS
from paddle_tsm.networks.option_checks import must_be_one_of


class PaddleInferenceRun:
    """The static graph PREFIX.json and PREFIX.pdiparams on the CPU: `run(frames)` for a network of clips,
    `step(frame, cache)` for one streaming step.

    threads: of one call; None: a processor each. precision: "bfloat16" has oneDNN compute in it, the ends stay float32.
    One object is for one thread at a time; `clone()` gives another with the same weights. Raises ValueError, in one
    line, for files that are missing or damaged.
    """

    def __init__(self, prefix, threads: int | None = None, precision: str = "float32"):
        self.prefix = os.fspath(prefix)
        for suffix in (".json", ".pdiparams"):
            if not os.path.isfile(self.prefix + suffix):
                raise ValueError(f"{self.prefix}{suffix}: no such file; wanted one that `paddle-tsm export` wrote")
        must_be_one_of("precision", precision, TARGETS["paddle-inference"].precisions)
        self._open(make_predictor(self.prefix, runtime.processors() if threads is None else threads, precision))

    def _open(self, predictor) -> None:
        self._predictor = predictor
        self.inputs, self.outputs = tuple(predictor.get_input_names()), tuple(predictor.get_output_names())
        self._inputs = [predictor.get_input_handle(name) for name in self.inputs]
        self._outputs = [predictor.get_output_handle(name) for name in self.outputs]

    def clone(self) -> PaddleInferenceRun:
        """Another object for another thread, with the same weights in the same memory."""
        other = object.__new__(type(self))
        other.prefix = self.prefix
        other._open(self._predictor.clone())
        return other

    def run(self, frames: np.ndarray) -> np.ndarray:
        """frames: float [N*T, 3, H, W] -> logits float32 [N, K]."""
        return self._run([frames])[0]

    def step(self, frame: np.ndarray, cache=()) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """frame: float [N, 3, H, W], the next one of each of N streams; cache: zeros before the first. Returns the
        logits, float32 [N, K], and the next cache.
        """
        logits, *cache = self._run([frame, *cache])
        return logits, tuple(cache)

    def _run(self, arrays: list) -> list[np.ndarray]:
        for handle, array in zip(self._inputs, arrays, strict=True):
            handle.copy_from_cpu(np.ascontiguousarray(array, "float32"))
        self._predictor.run()
        return [handle.copy_to_cpu() for handle in self._outputs]


def make_predictor(prefix: str, threads: int, precision: str):
    """Paddle's own predictor. Raises ValueError for files that it cannot read."""
    runtime.import_paddle()
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
    except Exception as error:  # a C++ exception of any class
        said = " ".join(str(error).split())[-200:]
        raise ValueError(f"{prefix}: damaged, or not made by `paddle-tsm export` (Paddle: {said})") from None
