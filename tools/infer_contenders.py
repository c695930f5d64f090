"""What `tools/benchmark.py infer` runs: TSM-ResNet-50 in every engine, each as a program that defines `infer(x)`.

CHECKPOINT, FOLDER (a path that is free) and THREADS are given to the program.
"""

from __future__ import annotations

WITHOUT = ", without shift"  # ends the names of the networks that the others of their engine are measured against
ROUGH = ("bfloat16", "int8")

FORM = """
from paddle_tsm import runtime; paddle = runtime.import_paddle()
import numpy as np
from paddle_tsm.models.create import build
from paddle_tsm.export.exporter import write
from paddle_tsm.export.onnx_file import write_onnx
from paddle_tsm.export.onnx_runtime import OnnxRun
from paddle_tsm.export.paddle_inference import PaddleInferenceRun
from paddle_tsm.export.io_spec import clip_io
from paddle_tsm.export.quantise import quantise
from paddle_tsm.export.static_graph import save_static
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.models.load import assign_weights
network, tensors = read_network(CHECKPOINT, {options}).as_asked()
model = assign_weights(build(network), tensors); model.eval()
{change}
os.makedirs(FOLDER); ports = clip_io(8, (224, 224))
{write}
{engine}
"""
QUICK, PLAIN = 'write(model, FOLDER, "paddle-inference", ports)', 'save_static(model, FOLDER + "/model", ports)'
ONNX, PLAIN_ONNX = 'write(model, FOLDER, "onnx", ports)', 'write_onnx(model, FOLDER + "/model.onnx", ports)'
INT8 = (
    ONNX
    + """
x = np.random.default_rng(1).standard_normal((8, 3, 224, 224)).astype("float32")  # its speed does not depend on the ranges
quantise(FOLDER + "/model.onnx", FOLDER + "/int8.onnx", [x]); os.replace(FOLDER + "/int8.onnx", FOLDER + "/model.onnx")
"""
)
BFLOAT16 = 'write(model, FOLDER, "paddle-inference", ports, "bfloat16")'
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
import paddle_tsm.models.resnet
def shift(x, segments, shift_div, order):
    return paddle.nn.functional.temporal_shift(x, segments, 1 / shift_div)
paddle_tsm.models.resnet.temporal_shift = shift
"""
TORCH = """
import torch, torch_ref; from paddle_tsm import runtime; runtime.prepare()  # the allocator's setting, which Paddle has too
torch.set_num_threads(THREADS)
model = torch_ref.load_model(CHECKPOINT)
{ready}
def infer(x):
    with torch.inference_mode(): return model(torch.from_numpy(x){to}).numpy()
"""
FROZEN = "model = torch.jit.freeze(torch.jit.trace(model, torch.zeros(8, 3, 224, 224){to}))"
LAST = ".to(memory_format=torch.channels_last)"


def form(
    change: str = "", write: str = QUICK, engine: str = PADDLE_INFERENCE.format(precision="float32"), options: str = ""
) -> str:
    return FORM.format(change=change, write=write, options=options, engine=engine)


CONTENDERS = {
    "Paddle Inference" + WITHOUT: form(options="is_shift=False"),
    "Paddle Inference": form(),
    "Paddle Inference, plain form": form(write=PLAIN),
    "Paddle Inference, Paddle's operator": form(OPERATOR, PLAIN),
    "Paddle Inference, bfloat16": form(write=BFLOAT16, engine=PADDLE_INFERENCE.format(precision="bfloat16")),
    "ONNX Runtime" + WITHOUT: form(write=ONNX, engine=ONNX_RUNTIME, options="is_shift=False"),
    "ONNX Runtime": form(write=ONNX, engine=ONNX_RUNTIME),
    "ONNX Runtime, int8": form(write=INT8, engine=ONNX_RUNTIME),
    "ONNX Runtime, plain form": form(write=PLAIN_ONNX, engine=ONNX_RUNTIME),
    "ONNX Runtime, torch.onnx.export": TORCH_ONNX,
    "OpenVINO" + WITHOUT: form(write=ONNX, engine=OPENVINO, options="is_shift=False"),
    "OpenVINO": form(write=ONNX, engine=OPENVINO),
    "OpenVINO, plain form": form(write=PLAIN_ONNX, engine=OPENVINO),
    "torch, frozen": TORCH.format(ready=FROZEN.format(to=""), to=""),
    "torch, frozen, channels last": TORCH.format(ready=f"model = model{LAST}\n" + FROZEN.format(to=LAST), to=LAST),
    "torch, eager": TORCH.format(ready="", to=""),
}
