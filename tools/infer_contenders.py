"""One contender of `tools/benchmark.py infer`: python tools/infer_contenders.py NAME CHECKPOINT FOLDER THREADS

It opens TSM-ResNet-50 in one engine, prints "ready", and runs one clip for each line on standard input. The answer is a
line of JSON: {"seconds", "logits"}, with the first five logits. FOLDER is a path that is free. Each contender imports
its engine by itself, so that a process has its own engine and no other.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

CLIP = (8, 3, 224, 224)
WITHOUT_SHIFT = ", without shift"  # ends the names of the networks that the others of their engine are measured against
ROUGH = ("bfloat16", "int8")  # end the names of the networks that are not float32
WARM_UP = 4

Infer = Callable[[np.ndarray], np.ndarray]  # logits [1, K] of a clip [T, 3, H, W]


def paddle_network(checkpoint: str, **options: Any) -> Any:
    """The checkpoint's network in Paddle, in evaluation mode."""
    from paddle_tsm import runtime

    runtime.import_paddle()
    from paddle_tsm.layouts.network_file import read_network
    from paddle_tsm.models.create import build
    from paddle_tsm.models.load import assign_weights

    network, tensors = read_network(checkpoint, **options).as_asked()
    model = assign_weights(build(network), tensors)
    model.eval()
    return model


def clip_specification() -> Any:
    """The I/O specification of an export for one clip."""
    from paddle_tsm.export.io_spec import clip_io

    return clip_io(CLIP[0], CLIP[2:])


def write_export(model: Any, folder: str, target: str, precision: str = "float32") -> None:
    """Write the target's files, with fused BatchNorms and stream parts, into a new folder."""
    from paddle_tsm.export.targets import target_named

    os.makedirs(folder)
    target_named(target).functions.write(model, folder, clip_specification(), precision)


def write_eager_graph(model: Any, folder: str, target: str) -> None:
    """Write the network as it is, layer by layer, into a new folder."""
    from paddle_tsm.export.onnx_file import write_onnx
    from paddle_tsm.export.static_graph import save_static

    os.makedirs(folder)
    if target == "onnx":
        write_onnx(model, f"{folder}/model.onnx", clip_specification())
    else:
        save_static(model, f"{folder}/model", clip_specification())


def use_paddles_operator() -> None:
    """Let every network shift with Paddle's operator. Its folds go the other way, and the work is the same."""
    import paddle

    import paddle_tsm.models.layers.shift as shift

    def temporal_shift(x: Any, num_segments: int, shift_div: int, shift_order: str) -> Any:
        return paddle.nn.functional.temporal_shift(x, num_segments, 1 / shift_div)

    shift.temporal_shift = temporal_shift  # type: ignore[assignment]  # its own is a static type


def paddle_inference(
    checkpoint: str, folder: str, threads: int, precision: str = "float32", eager: bool = False, **options: Any
) -> Infer:
    """The network in Paddle Inference. eager: without the export's changes to the graph."""
    model = paddle_network(checkpoint, **options)
    from paddle_tsm.export.paddle_inference import PaddleInferenceRun

    if eager:
        write_eager_graph(model, folder, "paddle-inference")
    else:
        write_export(model, folder, "paddle-inference", precision)
    return PaddleInferenceRun(f"{folder}/model", threads, precision).run


def paddle_operator(checkpoint: str, folder: str, threads: int) -> Infer:
    """The network in Paddle Inference as Paddle's users write it, with Paddle's shift."""
    from paddle_tsm import runtime

    runtime.import_paddle()
    use_paddles_operator()
    return paddle_inference(checkpoint, folder, threads, eager=True)


def write_onnx_model(checkpoint: str, folder: str, eager: bool = False, int8: bool = False, **options: Any) -> str:
    """Write the network as ONNX; returns the file's path."""
    model = paddle_network(checkpoint, **options)
    if eager:
        write_eager_graph(model, folder, "onnx")
    else:
        write_export(model, folder, "onnx")
    path = f"{folder}/model.onnx"
    if int8:
        from paddle_tsm.export.quantise import quantise

        # the speed does not depend on the ranges that are measured on this clip
        quantise(path, f"{folder}/int8.onnx", [np.random.default_rng(1).standard_normal(CLIP).astype("float32")])
        os.replace(f"{folder}/int8.onnx", path)
    return path


def onnx_runtime(checkpoint: str, folder: str, threads: int, **form: Any) -> Infer:
    """The network in ONNX Runtime. form: the arguments of `write_onnx_model`."""
    path = write_onnx_model(checkpoint, folder, **form)
    from paddle_tsm.export.onnx_runtime import OnnxRun

    return OnnxRun(path, threads).run


def openvino(checkpoint: str, folder: str, threads: int, **form: Any) -> Infer:
    """The network in OpenVINO, in float32. form: the arguments of `write_onnx_model`."""
    path = write_onnx_model(checkpoint, folder, **form)
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",  # without it OpenVINO may compute in bfloat16
    }
    model = openvino.Core().compile_model(path, "CPU", settings)
    return lambda x: model(x)[0]


def torch_onnx(checkpoint: str, folder: str, threads: int) -> Infer:
    """The network as `torch.onnx.export` writes it, in ONNX Runtime."""
    import onnxruntime
    import torch

    import torch_ref

    path = f"{folder}.onnx"
    torch.onnx.export(torch_ref.load_model(checkpoint), torch.zeros(*CLIP), path, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def torch_model(checkpoint: str, folder: str, threads: int, frozen: bool = True, channels_last: bool = False) -> Infer:
    """The network in PyTorch. frozen: traced, and frozen by torch.jit."""
    import torch

    import torch_ref
    from paddle_tsm import runtime

    runtime.prepare()  # Paddle's contenders have its setting for the allocator, too
    torch.set_num_threads(threads)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    model = torch_ref.load_model(checkpoint).to(memory_format=memory_format)
    if frozen:
        model = torch.jit.freeze(torch.jit.trace(model, torch.zeros(*CLIP).to(memory_format=memory_format)))

    def infer(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(x).to(memory_format=memory_format)).numpy()

    return infer


Contender = Callable[[str, str, int], Infer]  # (checkpoint, folder, threads)
CONTENDERS: dict[str, Contender] = {
    "Paddle Inference" + WITHOUT_SHIFT: partial(paddle_inference, is_shift=False),
    "Paddle Inference": paddle_inference,
    "Paddle Inference, plain form": partial(paddle_inference, eager=True),
    "Paddle Inference, Paddle's operator": paddle_operator,
    "Paddle Inference, bfloat16": partial(paddle_inference, precision="bfloat16"),
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


def main() -> None:
    name, checkpoint, folder, threads = sys.argv[1:]
    import paddle_tsm  # noqa: F401  it sets what a user's program gets, too

    infer = CONTENDERS[name](checkpoint, folder, int(threads))
    x = np.random.default_rng(0).standard_normal(CLIP).astype("float32")
    for _ in range(WARM_UP):
        infer(x)
    print("ready", flush=True)
    for _ in sys.stdin:
        infer(x)  # meanwhile the other contenders had the processor's caches
        start = time.perf_counter()
        logits = infer(x)
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "logits": np.asarray(logits).ravel()[:5].tolist()}), flush=True)


if __name__ == "__main__":
    main()
