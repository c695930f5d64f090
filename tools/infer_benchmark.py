"""One clip through TSM-ResNet-50 in every engine, the same weights and threads: see `tools/benchmark.py infer`."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIP = (8, 3, 224, 224)
WITHOUT = ", without shift"
ROUGH = ("bfloat16", "int8")

# Each contender is a program that defines `infer(x)`; CHECKPOINT, FOLDER and THREADS are given. (name: program, needs)
FORM = """
from paddle_tsm import runtime; paddle = runtime.import_paddle()
from paddle_tsm.export.export import *
network, tensors = read_network(CHECKPOINT, {options}).as_asked()
model = assign_weights(build(network), tensors); model.eval()
{change}
os.makedirs(FOLDER); ports = clip_ports(8, (224, 224))
{write}
{engine}
"""
QUICK, PLAIN = 'write(model, FOLDER, "paddle-inference", ports)', 'save_static(model, FOLDER + "/model", ports)'
ONNX, PLAIN_ONNX = 'write(model, FOLDER, "onnx", ports)', 'write_onnx(model, FOLDER + "/model.onnx", ports)'
PADDLE_INFERENCE = 'infer = PaddleInferenceRun(FOLDER + "/model", THREADS, "{precision}").run'
ONNX_RUNTIME = 'infer = OnnxRun(FOLDER + "/model.onnx", THREADS).run'
OPENVINO = """
import openvino
model = openvino.Core().compile_model(FOLDER + "/model.onnx", "CPU", {
    "INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})  # else bfloat16
def infer(x): return model(x)[0]
"""
TORCH_ONNX = """
import torch, torch_ref, onnxruntime
torch.onnx.export(torch_ref.load_model(CHECKPOINT), torch.zeros(8, 3, 224, 224), FOLDER + ".onnx", dynamo=False)
options = onnxruntime.SessionOptions(); options.intra_op_num_threads = THREADS
session = onnxruntime.InferenceSession(FOLDER + ".onnx", options, providers=["CPUExecutionProvider"])
def infer(x): return session.run(None, {session.get_inputs()[0].name: x})[0]
"""
OPERATOR = """
import paddle_tsm.resnet
def shift(x, segments, shift_div, order):
    return paddle.nn.functional.temporal_shift(x, segments, 1 / shift_div)
paddle_tsm.resnet.temporal_shift = shift
"""
TORCH = """
import torch, torch_ref
torch.set_num_threads(THREADS)
model = torch_ref.load_model(CHECKPOINT)
{ready}
def infer(x):
    with torch.inference_mode(): return model(torch.from_numpy(x){to}).numpy()
"""
FROZEN = "model = torch.jit.freeze(torch.jit.trace(model, torch.zeros(8, 3, 224, 224){to}))"
LAST = ".to(memory_format=torch.channels_last)"


def form(change: str = "", write: str = QUICK, engine: str = PADDLE_INFERENCE.format(precision="float32"), options: str = "") -> str:
    return FORM.format(change=change, write=write, options=options, engine=engine)


CONTENDERS = {
    "Paddle Inference" + WITHOUT: form(options="is_shift=False"),
    "Paddle Inference": form(),
    "Paddle Inference, plain form": form(write=PLAIN),
    "Paddle Inference, Paddle's operator": form(OPERATOR, PLAIN),
    "Paddle Inference, bfloat16": form(write=PLAIN, engine=PADDLE_INFERENCE.format(precision="bfloat16")),
    "ONNX Runtime" + WITHOUT: form(write=ONNX, engine=ONNX_RUNTIME, options="is_shift=False"),
    "ONNX Runtime": form(write=ONNX, engine=ONNX_RUNTIME),
    "ONNX Runtime, plain form": form(write=PLAIN_ONNX, engine=ONNX_RUNTIME),
    "ONNX Runtime, torch.onnx.export": TORCH_ONNX,
    "OpenVINO" + WITHOUT: form(write=ONNX, engine=OPENVINO, options="is_shift=False"),
    "OpenVINO": form(write=ONNX, engine=OPENVINO),
    "OpenVINO, plain form": form(write=PLAIN_ONNX, engine=OPENVINO),
    "torch, frozen": TORCH.format(ready=FROZEN.format(to=""), to=""),
    "torch, frozen, channels last": TORCH.format(ready=f"model = model{LAST}\n" + FROZEN.format(to=LAST), to=LAST),
    "torch, eager": TORCH.format(ready="", to=""),
}
PROGRAM = """
import json, os, sys, time
CHECKPOINT, FOLDER, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3])
sys.path.insert(0, {root!r})
import paddle_tsm
{contender}
import numpy as np
x = np.random.default_rng(0).standard_normal({clip}).astype("float32")
for _ in range(4): infer(x)
print("ready", flush=True)
for line in sys.stdin:
    infer(x)  # the others had the caches
    start = time.perf_counter(); logits = infer(x)
    print(json.dumps([time.perf_counter() - start, np.asarray(logits).ravel()[:5].tolist()]), flush=True)
"""


def infer(runs: int, out: str = "", only: str = "") -> None:
    """Every contender in a process of its own, all loaded, one clip each in turn. `out`: a JSON file for the figures.
    `only`: a regular expression, for the contenders that have it in their names."""
    from paddle_tsm.demo import write_demo_checkpoint
    from paddle_tsm.network import Network

    threads = min(2, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, started = os.path.join(folder, "r50.safetensors"), {}
        write_demo_checkpoint(checkpoint, Network("tsm_resnet50"), "canonical")
        for number, (name, contender) in enumerate(CONTENDERS.items()):
            if not re.search(only, name):
                continue
            process = start(contender, checkpoint, os.path.join(folder, str(number)), threads)
            if process is None:
                print(f"  {name}: not here (is its package installed?)")
            else:
                started[name] = process
        seconds, first = {name: [] for name in started}, {}
        for _ in range(runs):
            for name, process in started.items():
                process.stdin.write("go\n")
                process.stdin.flush()
                took, first[name] = json.loads(process.stdout.readline())
                seconds[name].append(took)
        for process in started.values():
            process.stdin.close()
            process.wait()
    report(seconds, first, threads, runs, out)


def start(contender: str, checkpoint: str, folder: str, threads: int):
    """The contender's process once it is ready; None where it ends before."""
    program = PROGRAM.format(root=str(ROOT), contender=contender, clip=CLIP)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, checkpoint, folder, str(threads)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=os.environ | {"OMP_NUM_THREADS": str(threads), "GLOG_minloglevel": "2"},
    )
    return process if any(line == "ready\n" for line in iter(process.stdout.readline, "")) else None


def report(seconds: dict, first: dict, threads: int, runs: int, out: str) -> None:
    """The table: median, fastest, slowest, ratios, and each contender's first logit, so that it shows who computes what."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    exact = [median for name, median in medians.items() if WITHOUT not in name and name.split(", ")[-1] not in ROUGH]
    print(f"TSM-ResNet-50, 8 frames of 224, one clip, {threads} threads; {runs} interleaved runs, each after one of its own")
    print(f"  {'':34}{'median':>8}{'fastest':>9}{'slowest':>9}  / no shift  / best float32  first logit")
    for name, values in seconds.items():
        without = medians.get(name.split(",")[0] + WITHOUT)
        shares = f"{medians[name] / without:12.2f}" if without else f"{'':12}"
        shares += f"{medians[name] / min(exact):16.2f}" if exact else f"{'':16}"
        print(f"  {name:34}{medians[name]:6.3f} s{min(values):7.3f} s{max(values):7.3f} s{shares}  {first[name][0]:.6f}")
    if out:
        content = {name: {"seconds": values, "median": medians[name]} for name, values in seconds.items()}
        Path(out).write_text(json.dumps({"threads": threads, "clip": CLIP, "contenders": content}, indent=2) + "\n")
