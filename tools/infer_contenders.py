"""One contender of `tools/benchmark.py infer`: python tools/infer_contenders.py NAME JOB

It opens a network in one engine, prints "ready", and runs one clip for each line on standard input, several times
where it takes little time. The line is JSON: {"cold"}, whether the processors' caches are emptied before each clip. The
answer is a line of JSON: {"seconds", "logits"}, with the median and the first five logits. JOB is the JSON of the
fields of `Job`. Each contender imports its engine by itself, so that a process has its own engine and no other.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

WITHOUT_SHIFT = ", without shift"  # ends the names of the networks that the others of their engine are measured against
ROUGH = ("bfloat16", "int8")  # end the names of the networks that are not float32
WARM_UP = 4
SHORTEST = 0.3  # seconds of an answer: in less, work of other processes would not be seen
ELSEWHERE = 2**25  # float32 values that a processor reads in order to empty its caches: more than they hold

Infer = Callable[[np.ndarray], np.ndarray]  # logits [1, K] of a clip [T, 3, H, W]


@dataclass(frozen=True)
class Job:
    """What a contender runs. checkpoint: the path of a file. options: of its network, with "num_segments". folder: a
    path that is free. threads: of one clip. size: height and width of the frames.
    """

    checkpoint: str
    options: dict[str, Any]
    folder: str
    threads: int
    size: int

    @property
    def clip(self) -> tuple[int, int, int, int]:
        """The shape of a clip."""
        return (self.options["num_segments"], 3, self.size, self.size)


def paddle_network(job: Job, **options: Any) -> Any:
    """The checkpoint's network in Paddle, in evaluation mode. options: in the place of the job's."""
    from paddle_tsm import runtime

    runtime.import_paddle()
    from paddle_tsm.layouts.network_file import read_network
    from paddle_tsm.models.create import build
    from paddle_tsm.models.load import assign_weights

    network, tensors = read_network(job.checkpoint, **job.options | options).as_asked()
    model = assign_weights(build(network), tensors)
    model.eval()
    return model


def clip_specification(job: Job) -> Any:
    """The I/O specification of an export for one clip."""
    from paddle_tsm.export.io_spec import clip_io

    return clip_io(job.clip[0], job.clip[2:])


def write_export(model: Any, job: Job, target: str, precision: str = "float32") -> None:
    """Write the target's files, with fused BatchNorms and stream parts, into a new folder."""
    from paddle_tsm.export.targets import target_named

    os.makedirs(job.folder)
    target_named(target).functions.write(model, job.folder, clip_specification(job), precision)


def write_eager_graph(model: Any, job: Job, target: str) -> None:
    """Write the network as it is, layer by layer, into a new folder."""
    from paddle_tsm.export.onnx_file import write_onnx
    from paddle_tsm.export.static_graph import save_static

    os.makedirs(job.folder)
    if target == "onnx":
        write_onnx(model, f"{job.folder}/model.onnx", clip_specification(job))
    else:
        save_static(model, f"{job.folder}/model", clip_specification(job))


def use_paddles_operator() -> None:
    """Let every network shift with Paddle's operator. Its folds go the other way, and the work is the same."""
    import paddle

    import paddle_tsm.models.layers.shift as shift

    def temporal_shift(x: Any, num_segments: int, shift_div: int, shift_order: str) -> Any:
        return paddle.nn.functional.temporal_shift(x, num_segments, 1 / shift_div)

    shift.temporal_shift = temporal_shift  # type: ignore[assignment]  # its own is a static type


def paddle_inference(job: Job, precision: str = "float32", eager: bool = False, **options: Any) -> Infer:
    """The network in Paddle Inference. eager: without the export's changes to the graph."""
    model = paddle_network(job, **options)
    from paddle_tsm.export.paddle_inference import PaddleInferenceRun

    if eager:
        write_eager_graph(model, job, "paddle-inference")
    else:
        write_export(model, job, "paddle-inference", precision)
    return PaddleInferenceRun(f"{job.folder}/model", job.threads, precision).run


def paddle_operator(job: Job) -> Infer:
    """The network in Paddle Inference as Paddle's users write it: with Paddle's shift, and nothing fused."""
    from paddle_tsm import runtime

    runtime.import_paddle()
    use_paddles_operator()
    return paddle_inference(job, eager=True)


def write_onnx_model(job: Job, eager: bool = False, int8: bool = False, **options: Any) -> str:
    """Write the network as ONNX; returns the file's path."""
    model = paddle_network(job, **options)
    if eager:
        write_eager_graph(model, job, "onnx")
    else:
        write_export(model, job, "onnx")
    path = f"{job.folder}/model.onnx"
    if int8:
        from paddle_tsm.export.quantise import quantise

        # the speed does not depend on the ranges that are measured on this clip
        quantise(path, f"{path}.int8", [np.random.default_rng(1).standard_normal(job.clip).astype("float32")])
        os.replace(f"{path}.int8", path)
    return path


def onnx_runtime(job: Job, **form: Any) -> Infer:
    """The network in ONNX Runtime. form: the arguments of `write_onnx_model`."""
    path = write_onnx_model(job, **form)
    from paddle_tsm.export.onnx_runtime import OnnxRun

    return OnnxRun(path, job.threads).run


def openvino(job: Job, **form: Any) -> Infer:
    """The network in OpenVINO, in float32. form: the arguments of `write_onnx_model`."""
    path = write_onnx_model(job, **form)
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": job.threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",  # without it OpenVINO may compute in bfloat16
    }
    model = openvino.Core().compile_model(path, "CPU", settings)
    return lambda x: model(x)[0]


def torch_onnx(job: Job) -> Infer:
    """The network as `torch.onnx.export` writes it, in ONNX Runtime."""
    import onnxruntime
    import torch

    import torch_ref

    path = f"{job.folder}.onnx"
    model = torch_ref.load_model(job.checkpoint, **job.options)
    torch.onnx.export(model, torch.zeros(*job.clip), path, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def torch_model(job: Job, frozen: bool = True, channels_last: bool = False) -> Infer:
    """The network in PyTorch. frozen: traced, and frozen by torch.jit."""
    import torch

    import torch_ref
    from paddle_tsm import runtime

    runtime.prepare()  # Paddle's contenders have its setting for the allocator, too
    torch.set_num_threads(job.threads)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    model = torch_ref.load_model(job.checkpoint, **job.options).to(memory_format=memory_format)
    if frozen:
        model = torch.jit.freeze(torch.jit.trace(model, torch.zeros(*job.clip).to(memory_format=memory_format)))

    def infer(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(x).to(memory_format=memory_format)).numpy()

    return infer


def paddle_eager(job: Job, **options: Any) -> Infer:
    """The network in Paddle, layer by layer."""
    model = paddle_network(job, **options)
    import paddle

    def infer(x: np.ndarray) -> np.ndarray:
        with paddle.no_grad():
            return model(paddle.to_tensor(x)).numpy()

    return infer


def predictor(job: Job) -> Infer:
    """The network in eager Paddle as `Predictor` runs it, whose weights never change."""
    from paddle_tsm import runtime

    runtime.import_paddle()
    from paddle_tsm.inference.predictor import Predictor

    return Predictor(job.checkpoint, threads=job.threads, **job.options)


Contender = Callable[[Job], Infer]
CONTENDERS: dict[str, Contender] = {
    "Paddle Inference" + WITHOUT_SHIFT: partial(paddle_inference, is_shift=False),
    "Paddle Inference": paddle_inference,
    "Paddle Inference, plain form": partial(paddle_inference, eager=True),
    "Paddle Inference, Paddle's operator": paddle_operator,
    "Paddle Inference, bfloat16": partial(paddle_inference, precision="bfloat16"),
    "Paddle, eager" + WITHOUT_SHIFT: partial(paddle_eager, is_shift=False),
    "Paddle, eager": paddle_eager,
    "Paddle, eager Predictor": predictor,
    "ONNX Runtime" + WITHOUT_SHIFT: partial(onnx_runtime, is_shift=False),
    "ONNX Runtime": onnx_runtime,
    "ONNX Runtime, int8": partial(onnx_runtime, int8=True),
    "ONNX Runtime, plain form": partial(onnx_runtime, eager=True),
    "ONNX Runtime, torch.onnx.export": torch_onnx,
    "OpenVINO" + WITHOUT_SHIFT: partial(openvino, is_shift=False),
    "OpenVINO": openvino,
    "OpenVINO, plain form": partial(openvino, eager=True),
    "torch, frozen": torch_model,
    "torch, frozen, channels last": partial(torch_model, channels_last=True),
    "torch, eager": partial(torch_model, frozen=False),
}


@cache
def elsewhere(processor: int) -> np.ndarray:
    """Memory that no network uses."""
    return np.full(ELSEWHERE, processor, "float32")


def empty_caches(processors: int) -> None:
    """Fill the caches of as many processors, and what they share, with something else."""
    with ThreadPoolExecutor(processors) as pool:
        list(pool.map(np.sum, map(elsewhere, range(processors))))


def main() -> None:
    name, job = sys.argv[1], Job(**json.loads(sys.argv[2]))
    import paddle_tsm  # noqa: F401  it sets what a user's program gets, too

    infer = CONTENDERS[name](job)
    x = np.random.default_rng(0).standard_normal(job.clip).astype("float32")
    for _ in range(WARM_UP):
        infer(x)
    print("ready", flush=True)
    for line in sys.stdin:
        cold = json.loads(line)["cold"]
        infer(x)  # meanwhile the other contenders had the processor's caches
        times: list[float] = []
        while sum(times) < SHORTEST:
            if cold:
                empty_caches(job.threads)
            start = time.perf_counter()
            logits = infer(x)
            times.append(time.perf_counter() - start)
        print(
            json.dumps({"seconds": statistics.median(times), "logits": np.asarray(logits).ravel()[:5].tolist()}),
            flush=True,
        )


if __name__ == "__main__":
    main()
