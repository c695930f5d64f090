"""One contender of `tools/benchmark.py stream`: python tools/stream_contenders.py NAME JOB

It opens the step and the network of whole clips of one causal checkpoint in one engine, prints "ready", and answers
each line of JSON on standard input with a line of JSON:

    {"steps": n}    n frames of each stream, one after the other: {"seconds", "each", "bytes"}
    {"windows": n}  n times the frames of a whole window of each stream at once: {"seconds", "each", "bytes"}

"each" holds the seconds of each frame or window, "seconds" is their median, and "bytes" is the memory that the process
holds afterwards. JOB is the JSON of the fields of `Job`. Each contender imports its engine by itself, so that a process
has no other.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

WARM_UP, WARM_UP_WINDOWS = 5, 1  # frames and windows in front of those that are counted, in each request
WINDOW = 8  # frames

Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Job:
    """What a contender runs. checkpoint: the path of a causal network. streams: how many in a batch. threads: of one
    step. size: height and width of the frames.
    """

    checkpoint: str
    streams: int
    threads: int
    size: int


def with_predictors(job: Job, engine: str) -> tuple[Run, Run]:
    """The step and the window by `paddle_tsm`'s own objects. engine: one of `inference.opening.ENGINES`."""
    from paddle_tsm.inference.predictor import Predictor
    from paddle_tsm.inference.stream_predictor import StreamPredictor

    options: dict[str, Any] = {"engine": engine, "threads": job.threads, "shift_order": "causal"}
    if engine != "dygraph":
        options["size"] = job.size
    stream = StreamPredictor(job.checkpoint, **options)
    return stream.step, Predictor(job.checkpoint, num_segments=WINDOW, **options)


def with_torch(job: Job) -> tuple[Run, Run]:
    """The step and the window of the PyTorch reference, whose shifts remember a fold of the last frame."""
    import torch

    import torch_ref
    from paddle_tsm import runtime
    from torch_ref.residual import TemporalShift

    class Remembering(torch.nn.Module):
        """out = concat(the last frame's x[:, :f], x[:, f:]), with zeros in front of the first frame."""

        def __init__(self, shift_div: int):
            super().__init__()
            self.shift_div, self.previous = shift_div, None

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            fold = x[:, : x.shape[1] // self.shift_div]
            previous = torch.zeros_like(fold) if self.previous is None else self.previous
            self.previous = fold
            return torch.cat([previous, x[:, fold.shape[1] :]], 1)

    runtime.prepare()  # Paddle's contenders have its setting for the allocator, too
    torch.set_num_threads(job.threads)
    window = torch_ref.load_model(job.checkpoint, num_segments=WINDOW, shift_order="causal")
    step = torch_ref.load_model(job.checkpoint, num_segments=1, shift_order="causal")
    for module in list(step.modules()):
        for name, child in module.named_children():
            if isinstance(child, TemporalShift):
                setattr(module, name, Remembering(step.network.shift_div))

    def run(model: Any, x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()

    return partial(run, step), partial(run, window)


CONTENDERS: dict[str, Callable[[Job], tuple[Run, Run]]] = {
    "eager Paddle": partial(with_predictors, engine="dygraph"),
    "Paddle Inference": partial(with_predictors, engine="paddle-inference"),
    "ONNX Runtime": partial(with_predictors, engine="onnx"),
    "PyTorch (torch_ref)": with_torch,
}


def resident_bytes() -> int:
    """The memory that this process holds."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def timed(run: Run, x: np.ndarray, count: int, warm_up: int) -> list[float]:
    """The seconds of each of `count` calls in a row, behind `warm_up` calls."""
    seconds = []
    for _ in range(warm_up + count):
        start = time.perf_counter()
        run(x)
        seconds.append(time.perf_counter() - start)
    return seconds[warm_up:]


def main() -> None:
    name, job = sys.argv[1], Job(**json.loads(sys.argv[2]))
    import paddle_tsm  # noqa: F401  it sets what a user's program gets, too

    step, window = CONTENDERS[name](job)
    frames = np.random.default_rng(0).standard_normal((job.streams * WINDOW, 3, job.size, job.size)).astype("float32")
    first = np.ascontiguousarray(frames[::WINDOW])
    step(first), window(frames)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "steps" in request:
            each = timed(step, first, request["steps"], WARM_UP)
        else:
            each = timed(window, frames, request["windows"], WARM_UP_WINDOWS)
        print(json.dumps({"seconds": statistics.median(each), "each": each, "bytes": resident_bytes()}), flush=True)


if __name__ == "__main__":
    main()
